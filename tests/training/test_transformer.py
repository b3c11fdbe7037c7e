"""A run with the linear encoder and the transformer decoder."""

import csv

import numpy as np
import pytest
import tensorflow as tf

from aac_tf import Captioner
from aac_tf.config import load_config
from aac_tf.export.published import publish_run
from aac_tf.runs.run import Run
from aac_tf.training.trainer import train


@pytest.mark.slow
def test_a_run_resumes_bit_for_bit_and_captions_when_published(small, tmp_path):
    kinds = ["encoder.kind=linear", "decoder.kind=transformer", "decoder.layers=2", "decoder.heads=2"]
    rest = [override for override in small if not override.startswith(("encoder.", "decoder.", "training.epochs="))]
    sizes = ["encoder.units=16", "decoder.units=16", "decoder.feedforward=32", "decoder.dropout=0.2"]
    options = [*rest, *kinds, *sizes, "data.captions_per_clip=all", "training.learning_rate=1e-2"]
    straight, halves = Run(tmp_path / "straight"), Run(tmp_path / "halves")
    train(load_config(None, [*options, "training.epochs=2"]), straight)
    train(load_config(None, [*options, "training.epochs=1"]), halves)
    train(load_config(None, [*options, "training.epochs=2"]), halves, resume=True)
    histories = [list(csv.DictReader((run.folder / "history.csv").open())) for run in (straight, halves)]
    for row, expected in zip(*histories, strict=True):
        assert {**row, "seconds": ""} == {**expected, "seconds": ""}
    names = [name for name, _ in tf.train.list_variables(str(straight.last)) if "_blocks/1" in name]
    assert any("cross_attention/_key/kernel" in name for name in names)
    one, other = (tf.train.load_checkpoint(str(run.last)) for run in (straight, halves))
    for name in names:
        np.testing.assert_array_equal(one.get_tensor(name), other.get_tensor(name), name)

    publish_run(straight.folder, tmp_path / "published", half=False)
    sound = np.random.default_rng(0).normal(0, 0.1, 30000).astype(np.float32)
    captioners = [Captioner.load(folder) for folder in (straight.folder, tmp_path / "published")]
    (expected, found) = (captioner.caption([sound], beam_size=3)[0] for captioner in captioners)
    assert (found.text, found.log_prob) == (expected.text, pytest.approx(expected.log_prob, abs=1e-5))
