"""Sound files for tests, in every format, as bytes."""

import io
import struct

import av
import numpy as np
import soundfile

RATE = 22050


def noise(seconds=1.0, rate=RATE, channels=1, seed=0):
    """float64 `[samples, channels]` below half of full scale."""
    return np.random.default_rng(seed).uniform(-0.5, 0.5, [int(seconds * rate), channels])


def encode(form, encoding=None, sound=None, rate=RATE, **options):
    """The bytes of a file that soundfile writes."""
    file = io.BytesIO()
    soundfile.write(file, noise(rate=rate) if sound is None else sound, rate, encoding, format=form, **options)
    return file.getvalue()


def remux(contents, form, codec=None, rate=None, options=None):
    """The bytes of a file that FFmpeg writes: packets are copied, or encoded again if a codec is given."""
    file = io.BytesIO()
    with av.open(io.BytesIO(contents)) as source, av.open(file, "w", format=form, options=options or {}) as target:
        track = source.streams.audio[0]
        if codec is None:
            copy = target.add_stream_from_template(track)
            for packet in source.demux(track):
                if packet.dts is not None:
                    packet.stream = copy
                    target.mux(packet)
        else:
            coded = target.add_stream(codec, rate=rate or track.rate, layout="mono")
            coded.bit_rate = 64000
            convert = av.AudioResampler(coded.format or "s16", "mono", coded.rate, coded.frame_size or None)
            for frame in [*source.decode(track), None]:
                for converted in convert.resample(frame):
                    target.mux(coded.encode(converted))
            target.mux(coded.encode(None))
    return file.getvalue()


def chunk(name, body, order="<"):
    """A chunk of a WAV file."""
    return name + struct.pack(f"{order}I", len(body)) + body + b"\0" * (len(body) % 2)


def fmt(channels=1, bits=16, tag=1, block=None, rate=RATE, order="<"):
    """The fmt chunk of a WAV file."""
    block = channels * bits // 8 if block is None else block
    return chunk(b"fmt ", struct.pack(f"{order}HHIIHH", tag, channels, rate, rate * block, block, bits), order)


def riff(*chunks, order="<"):
    """A WAV file of chunks."""
    body = b"WAVE" + b"".join(chunks)
    return (b"RIFF" if order == "<" else b"RIFX") + struct.pack(f"{order}I", len(body)) + body


def integers(samples=8000):
    """16-bit samples, as a numpy array."""
    return np.random.default_rng(0).integers(-9000, 9000, samples).astype("<i2")


def ogg_pages(contents):
    """The pages of an Ogg file, as bytes."""
    starts = [place for place in range(len(contents)) if contents.startswith(b"OggS\0", place)]
    return [contents[start:stop] for start, stop in zip(starts, [*starts[1:], len(contents)])]


def without_xing(contents):
    """An MP3 file without its first frame, which states the number of frames."""
    return contents[contents.index(contents[:2], 4) :]
