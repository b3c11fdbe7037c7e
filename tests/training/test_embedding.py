"""A frozen network in front of the encoder."""

import pytest
import tensorflow as tf

from aac_tf import Captioner
from aac_tf.build import build_spec, make_scenes
from aac_tf.config import ConfigError, load_config
from aac_tf.run import Run
from aac_tf.training.trainer import train


def test_it_brings_its_own_spectrogram():
    spec = build_spec(load_config(None, ["embedding.kind=yamnet"]))
    assert (spec.sample_rate, spec.hop_length, spec.num_bins) == (16000, 160, 64)
    with pytest.raises(ConfigError, match="leave audio"):
        build_spec(load_config(None, ["embedding.kind=yamnet", "audio.hop_length=320"]))


@pytest.mark.real_data
@pytest.mark.slow
def test_yamnet_is_in_the_graph_and_not_in_the_run_folder(real_data, tmp_path, monkeypatch):
    monkeypatch.setenv("AAC_TF_CACHE", str(tmp_path / "cache"))
    options = [
        "data.source=scenes",
        f"data.root={tmp_path / 'scenes'}",
        "scenes.train=8",
        "scenes.validation=2",
        "scenes.test=2",
        "scenes.min_seconds=2",
        "scenes.max_seconds=4",
        "vocabulary.min_count=1",
        "embedding.kind=yamnet",
        f"embedding.source={real_data / 'yamnet' / 'yamnet_bn_folded.npz'}",
        "encoder.units=8",
        "decoder.units=8",
        "training.epochs=1",
        "training.batch_size=8",
    ]
    config = load_config(None, options)
    make_scenes(config)
    run = Run(tmp_path / "run")
    train(config, run)
    stored = [name for name, _ in tf.train.list_variables(str(run.last))]
    assert any("encoder" in name for name in stored)
    assert not any("embedder" in name for name in stored)
    captioner = Captioner.load(run.folder)
    assert not any("embedder" in weight.name for weight in captioner.model.weights)
    assert captioner.model.output_length(captioner.spec.output_length(30 * 16000)) == 62
    paths = sorted((tmp_path / "scenes" / "test").glob("*.wav"))
    together = captioner.caption(paths)
    for path, expected in zip(paths, together):
        (alone,) = captioner.caption([path])
        assert alone.text == expected.text
        assert alone.log_prob == pytest.approx(expected.log_prob, abs=1e-4)
