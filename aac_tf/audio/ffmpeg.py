"""Decoding the formats that libsndfile does not read: with FFmpeg, through PyAV."""

from __future__ import annotations

import shlex

import numpy as np

from aac_tf.audio.errors import Unusable
from aac_tf.audio.libsndfile import BLOCK_VALUES, Stream
from aac_tf.audio.source import Spliced

# Share of the stated duration that may be missing, apart from the last second.
_MISSING = 0.02


def open_ffmpeg(source, kind):
    """Opens the first audio stream of a file.

    Args:
        source: `Source`.
        kind: `Kind` of the file.

    Returns:
        `Stream`.

    Raises:
        Unusable: if PyAV is not installed, or FFmpeg does not read the file.
    """
    convert = convert_command(source.name)
    if not kind.demuxer:
        raise Unusable(f"{kind.name} of an encoding that is not supported: {convert}")
    try:
        import av  # only these formats need it
    except ImportError as error:
        raise Unusable(f"{kind.name} needs PyAV: pip install av, or {convert}") from error

    def opened(file):
        try:
            # A format chosen by name cannot be a playlist, which would open other files.
            container = av.open(Spliced(file, [(0, source.size)]), format=kind.demuxer)
        except (av.error.FFmpegError, ValueError) as error:
            raise Unusable(f"truncated or damaged {kind.name} file") from error
        tracks = container.streams.audio
        if not tracks or tracks[0].codec_context is None:
            container.close()
            raise Unusable(f"{kind.name} of an unknown encoding" if tracks else f"{kind.name} without sound")
        return container

    with source.open() as file, opened(file) as container:
        stream = container.streams.audio[0]
        rate = stream.codec_context.sample_rate
        if stream.duration and stream.time_base:
            seconds = float(stream.duration * stream.time_base)
        else:
            seconds = (container.duration or 0) / av.time_base
        if not rate:
            raise Unusable(f"truncated or damaged {kind.name} file")

    def blocks():
        with source.open() as file, opened(file) as container:
            resampler, held, samples = av.AudioResampler("fltp", rate=rate), [], 0
            try:
                frames = container.decode(container.streams.audio[0])
                for frame in _converted(resampler, frames):
                    held.append(frame.to_ndarray().T)
                    samples += len(held[-1])
                    if sum(map(np.size, held)) >= BLOCK_VALUES // 2:
                        yield np.concatenate(held)
                        held = []
            except (av.error.FFmpegError, ValueError) as error:
                raise Unusable(f"truncated or damaged {kind.name} file") from error
            if held:
                yield np.concatenate(held)
            if samples / rate < (1 - _MISSING) * seconds - 1:
                raise Unusable(f"truncated: expected {seconds:.1f} s of sound, found {samples / rate:.1f} s")

    return Stream(rate, None, blocks)


def _converted(resampler, frames):
    for frame in frames:
        yield from resampler.resample(frame)
    yield from resampler.resample(None)


def convert_command(name):
    """The command that converts a file to WAV."""
    stem = name.rsplit("/", 1)[-1].rsplit(".", 1)[0] or "sound"
    return f"ffmpeg -i {shlex.quote(name)} {shlex.quote(stem + '.wav')}"
