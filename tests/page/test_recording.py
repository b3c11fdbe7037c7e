"""Waveform, spectrogram and playback of a sound."""

import base64
import io
import os

import numpy as np
import pytest
import soundfile
from matplotlib import image

from aac_tf.audio import DCASE2020, YAMNET, AudioError
from aac_tf.inference.front_end import FrontEnd
from aac_tf.page.recording import outline, read_sound, remove_playback, spectrogram_picture, write_playback

RATE = YAMNET.sample_rate


def pixels(picture):
    header, _, data = picture.partition(",")
    assert header == "data:image/png;base64"
    return image.imread(io.BytesIO(base64.b64decode(data)))[..., :3].sum(axis=-1)


def test_longer_sounds_than_the_limit_are_refused(tmp_path):
    soundfile.write(tmp_path / "long.wav", np.ones(3 * 8000) / 2, 8000)
    assert len(read_sound(tmp_path / "long.wav", RATE, max_seconds=3)) == 3 * RATE
    with pytest.raises(AudioError) as error:
        read_sound(tmp_path / "long.wav", RATE, max_seconds=2.5)
    assert error.value.reason == "3 s long; this page takes sounds of up to 2.5 s"


def test_playback_is_the_waveform_without_clipping(tmp_path):
    waveform = np.sin(np.arange(RATE) / 20).astype(np.float32) * 3
    write_playback(waveform, RATE, tmp_path / "a.flac")
    played, rate = soundfile.read(tmp_path / "a.flac")
    assert rate == RATE
    np.testing.assert_allclose(played, waveform / 3, atol=1e-4)


def test_only_old_playback_is_removed(tmp_path):
    for name, age in (("old.flac", 100), ("new.flac", 1), ("example.wav", 100)):
        (tmp_path / name).touch()
        modified = (tmp_path / name).stat().st_mtime - age
        os.utime(tmp_path / name, (modified, modified))
    remove_playback(tmp_path, older_than=50)
    assert {path.name for path in tmp_path.iterdir()} == {"new.flac", "example.wav"}


def test_the_outline_shows_short_peaks_of_long_sounds():
    waveform = np.zeros(60 * RATE, np.float32)
    waveform[30 * RATE] = 0.5
    columns = outline(waveform)
    assert len(columns) == 1200
    assert columns[600] == [0.0, 1.0]
    assert sum(high for _, high in columns) == 1.0


@pytest.mark.parametrize("spec", [YAMNET, DCASE2020])
def test_the_spectrogram_shows_a_tone_at_its_time_and_height(spec):
    time = np.arange(4 * spec.sample_rate) / spec.sample_rate
    waveform = np.where((time >= 2) & (time < 3), np.sin(2 * np.pi * 1000 * time), 1e-3).astype(np.float32)
    shades = pixels(spectrogram_picture(FrontEnd(spec).read(waveform), spec))
    assert shades.shape[0] == spec.num_bins
    row, column = np.unravel_index(shades.argmax(), shades.shape)
    assert 0.5 <= column / shades.shape[1] <= 0.76
    lit = np.flatnonzero(shades[row] > 0.8 * shades.max()) / shades.shape[1]
    assert lit.min() == pytest.approx(0.5, abs=0.02)
    assert lit.max() == pytest.approx(0.75, abs=0.02)
    assert row > shades.shape[0] * 0.3  # 1 kHz is in the lower part: high frequencies are at the top


def test_the_shortest_sound_has_a_picture():
    sound = FrontEnd(YAMNET).read(np.full(800, 0.1, np.float32))
    assert pixels(spectrogram_picture(sound, YAMNET)).shape[1] == 5
