"""What the page shows and plays of a sound: its waveform, its spectrogram, and a file that browsers can play."""

import base64
import contextlib
import io
import pathlib
import time

import numpy as np
import soundfile
import tensorflow as tf
from matplotlib import colormaps, image

from aac_tf.audio import AudioError, SoundFile

COLUMNS = 1200  # of pictures: more than a screen shows beside the names of the tracks
_DECIBELS = 0.02, 0.998  # quantiles of the spectrogram that become black and white


def read_sound(path, sample_rate, max_seconds):
    """Reads a sound as the model hears it.

    Args:
        path: path of a sound file.
        sample_rate: int, Hz.
        max_seconds: float, longest sound that is accepted.

    Returns:
        float32 numpy array `[samples]`.

    Raises:
        AudioError: if the file cannot be used, with the reason that the commands give; or if it is too long.
    """
    file = SoundFile(path)
    seconds = file.samples / file.sample_rate
    if seconds > max_seconds:
        raise AudioError(path, f"{seconds:.0f} s long; this page takes sounds of up to {max_seconds:g} s")
    return np.concatenate([np.asarray(part) for part in file.parts(sample_rate)])


def write_playback(waveform, sample_rate, path):
    """Writes a waveform as a FLAC file, which every browser plays, whatever the format of the sound was."""
    loudest = max(1.0, float(np.abs(waveform).max()))
    soundfile.write(path, waveform / loudest, sample_rate, format="FLAC", subtype="PCM_16")


def remove_playback(folder, older_than):
    """Removes what `write_playback` wrote into a folder more than `older_than` seconds ago."""
    for path in pathlib.Path(folder).glob("*.flac"):
        with contextlib.suppress(FileNotFoundError):  # another thread was faster
            if path.stat().st_mtime < time.time() - older_than:
                path.unlink()


def outline(waveform, columns=COLUMNS):
    """Computes the outline of a waveform.

    Args:
        waveform: float32 numpy array `[samples]`.
        columns: int, maximum number of columns.

    Returns:
        list of `[lowest, highest]` of each column, from -1 to 1 with the peak at 1, rounded to two decimals.

    Example:
        >>> import numpy as np
        >>> from aac_tf.page.recording import outline
        >>> outline(np.array([0.0, 0.5, -0.25, 0.1]), columns=2)
        [[0.0, 1.0], [-0.5, 0.2]]
    """
    starts = np.linspace(0, len(waveform), min(columns, len(waveform)), endpoint=False).astype(int)
    peak = float(np.abs(waveform).max()) or 1.0
    lowest, highest = np.minimum.reduceat(waveform, starts), np.maximum.reduceat(waveform, starts)
    return np.round(np.stack([lowest, highest], axis=1).astype(np.float64) / peak, 2).tolist()


def spectrogram_picture(sound, spec, columns=COLUMNS):
    """Draws the spectrogram that the model hears; of an ensemble, that of its first model.

    Args:
        sound: `SoundFeatures`, or `HeardSound`.
        spec: `SpectrogramSpec` of its features.
        columns: int, maximum width in pixels; each shows the loudest of its frames.

    Returns:
        str, a PNG picture as a `data:` URL: time to the right, frequency upwards.
    """
    frames = np.asarray(tf.nest.flatten(sound.features)[0])
    samples = round(sound.seconds * spec.sample_rate)
    frames = frames[: max(1, -(-samples // spec.hop_length))]  # the last segment may extend beyond the sound
    starts = np.linspace(0, len(frames), min(columns, len(frames)), endpoint=False).astype(int)
    bands = np.maximum.reduceat(frames, starts, axis=0).T[::-1]
    low, high = np.quantile(bands, _DECIBELS)
    shades = np.clip((bands - low) / max(high - low, 1e-6), 0, 1)
    with io.BytesIO() as file:
        image.imsave(file, colormaps["magma"](shades), format="png")
        return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
