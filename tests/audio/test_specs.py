"""Named spectrograms, and the contract of every spec."""

import dataclasses

import pytest
from contracts.spec import check_spec

from aac_tf import audio
from aac_tf.audio import DCASE2020, SPECS, YAMNET, SpectrogramSpec

WITHOUT_SEGMENTS = dataclasses.replace(YAMNET, name="without segments", segment_length=None, segment_hop=None)
COARSE = dataclasses.replace(DCASE2020, name="coarse", sample_rate=8000, fmax=4000.0, num_bins=20, peak_normalize=False)


@pytest.mark.parametrize("spec", [*SPECS.values(), WITHOUT_SEGMENTS, COARSE], ids=lambda spec: spec.name)
def test_contract(spec):
    check_spec(spec)


def test_specs_are_found_by_name():
    for name, spec in SPECS.items():
        assert spec.name == name
        assert getattr(audio, name) is spec


class NoFrames(SpectrogramSpec):
    def output_length(self, samples):
        return samples // self.hop_length


class Uncentred(SpectrogramSpec):
    first_centre = 0.0


class LoudSilence(SpectrogramSpec):
    silence = 0.0


@pytest.mark.parametrize(
    ("kind", "message"),
    [(NoFrames, "0 samples have no frame"), (Uncentred, "a click in frame"), (LoudSilence, "Not equal to tolerance")],
)
def test_violations_of_the_contract_are_caught(kind, message):
    with pytest.raises(AssertionError, match=message):
        check_spec(kind(**dataclasses.asdict(WITHOUT_SEGMENTS)))
