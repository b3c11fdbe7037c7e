"""Fingerprints distinguish networks and match the same one."""

import numpy as np
import pytest

from aac_tf.embeddings import YamnetEmbedder
from aac_tf.embeddings.fingerprint import difference


@pytest.mark.parametrize(("noise", "same"), [(1e-4, True), (0.3, False)])
def test_fingerprints_of_changed_weights(folded, embedder, tmp_path, noise, same):
    random = np.random.default_rng(0)
    with np.load(folded) as arrays:
        weights = {
            name: arrays[name] + noise * arrays[name].std() * random.normal(size=arrays[name].shape).astype("f4")
            for name in arrays.files
        }
    np.savez(tmp_path / "changed.npz", **weights)
    found = embedder.fingerprint()
    assert len(found) == embedder.width
    apart = difference(found, YamnetEmbedder(tmp_path / "changed.npz", self_test=False).fingerprint())
    assert (apart == 0) == same, apart


def test_fingerprints_that_cannot_be_compared():
    assert difference([1.0, 2.0], [1.0]) == 2.0
    assert difference([1.0, 2.0], [1.0, np.nan]) == 2.0
    assert difference([0.0, 0.0], [0.0, 0.0]) == 0.0
