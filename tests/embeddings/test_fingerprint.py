"""Networks are told apart, and known again."""

import numpy as np

from aac_tf.embeddings import YamnetEmbedder
from aac_tf.embeddings.fingerprint import difference, fingerprint


def test_weights_are_known_again(folded, embedder, tmp_path):
    found = fingerprint(embedder)
    assert len(found) == embedder.width
    weights = dict(np.load(folded))
    random = np.random.default_rng(0)
    for noise, same in ((1e-4, True), (0.3, False)):
        path = tmp_path / f"{noise}.npz"
        np.savez(
            path, **{k: v + noise * v.std() * random.normal(size=v.shape).astype("f4") for k, v in weights.items()}
        )
        apart = difference(found, fingerprint(YamnetEmbedder(path, self_test=False)))
        assert (apart == 0) == same, (noise, apart)
