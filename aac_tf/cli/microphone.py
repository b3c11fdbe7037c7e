"""The microphone of `aac-listen`; imports no TensorFlow, so that a missing one is reported at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_BLOCK_SECONDS = 0.1


def open_microphone(device: str | None = None) -> tuple[int, Iterator[np.ndarray]]:
    """Opens a microphone, which records from the time when the first block is asked for.

    Args:
        device: name, part of a name, or number of an input device of PortAudio; None takes the default one.

    Returns:
        (sample rate in Hz; iterator of float32 arrays `[samples]`, without end).

    Raises:
        ValueError: if sounddevice or PortAudio is not installed, or there is no such device.
    """
    try:
        import sounddevice
    except (ImportError, OSError) as error:  # OSError: no PortAudio
        raise ValueError(
            f'the microphone cannot be used ({error}): pip install "aac_tf[live]" and PortAudio, or pipe a sound into '
            "standard input, see --help"
        ) from error
    number = int(device) if device is not None and device.isdecimal() else device
    try:
        rate = int(sounddevice.query_devices(number, "input")["default_samplerate"])
        size = int(_BLOCK_SECONDS * rate)
        stream = sounddevice.InputStream(samplerate=rate, blocksize=size, device=number, channels=1, dtype="float32")
    except (ValueError, sounddevice.PortAudioError) as error:
        raise ValueError(
            f"the microphone cannot be used ({error}): `python -m sounddevice` lists the devices for --device"
        ) from error
    return rate, _recorded(stream, size)


def _recorded(stream, size):
    with stream:
        while True:
            yield stream.read(size)[0][:, 0].copy()
