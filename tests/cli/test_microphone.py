"""The microphone of `aac-listen`, with a stand-in for PortAudio."""

import sys
import types

import numpy as np
import pytest

from aac_tf.cli.microphone import open_microphone


class Stream:
    def __init__(self, **options):
        self.options = options

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def read(self, size):
        return np.full([size, 1], 0.25, np.float32), False


@pytest.fixture
def sounddevice(monkeypatch):
    def query(device, kind):
        if device == "none":
            raise ValueError("No input device matching 'none'")
        assert (device, kind) == (3, "input")
        return {"default_samplerate": 44100.0}

    fake = types.ModuleType("sounddevice")
    fake.PortAudioError = type("PortAudioError", (Exception,), {})
    fake.InputStream = Stream
    fake.query_devices = query
    monkeypatch.setitem(sys.modules, "sounddevice", fake)


def test_it_gives_blocks_of_the_device_at_its_rate(sounddevice):
    rate, blocks = open_microphone("3")
    assert (rate, next(blocks).tolist()) == (44100, [0.25] * 4410)


def test_an_unknown_device_is_refused(sounddevice):
    with pytest.raises(ValueError, match=r"No input device matching 'none'\): .* lists the devices"):
        open_microphone("none")


def test_without_portaudio_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(ValueError, match=r"pip install \"aac_tf\[live\]\""):
        open_microphone()
