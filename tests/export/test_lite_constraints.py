"""LiteRT models follow the constraints of the config."""

import numpy as np
import pytest
import tensorflow as tf

from aac_tf import Captioner
from aac_tf.export.lite import convert


@pytest.mark.slow
def test_a_lite_model_follows_the_constraints(one_run):
    overrides = ["decoding.repeat_words=none", "decoding.no_repeat_ngram=2", "decoding.max_words=5"]
    captioner = Captioner.load(one_run.folder, [*overrides, "decoding.min_words=3", "decoding.forbidden_words=[dog]"])
    free = Captioner.load(one_run.folder)
    run = tf.lite.Interpreter(model_content=convert(captioner, quantize=False)).get_signature_runner("serving_default")
    for seed in range(3):
        sound = np.random.default_rng(seed).normal(0, 0.1, 20000 + 9000 * seed).astype(np.float32)
        (expected,) = captioner.caption(sound, beam_size=1)
        assert expected.text != free.caption(sound, beam_size=1)[0].text
        found = run(waveform=sound)
        assert captioner.tokenizer.detokenize(found["tokens"]).numpy().decode() == expected.text
        assert found["log_prob"] == pytest.approx(expected.log_prob, abs=1e-3)
