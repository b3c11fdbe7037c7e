"""Starting from the weights of another run."""

import numpy as np
import pytest
import tensorflow as tf
from small_runs import WORDS, write_run

from aac_tf.build import build_model
from aac_tf.config import ConfigError, load_config
from aac_tf.export.published import publish_run
from aac_tf.runs import Run, RunError
from aac_tf.runs.initial import architecture, check_architecture, open_initial
from aac_tf.text import WordTokenizer
from aac_tf.training.initial import extend_vocabulary, load_initial

KINDS = {
    "attention": ["audio.sample_rate=16000", "audio.normalize=true"],
    "fixed vector": ["encoder.cell=gru", "decoder.kind=fixed_vector"],
}


@pytest.fixture(scope="module", params=KINDS)
def run(request, tmp_path_factory):
    return Run(write_run(tmp_path_factory.mktemp("initial") / "run", KINDS[request.param]))


def logits(model):
    inputs = {"features": tf.ones([1, 9, 64]), "length": tf.constant([9]), "tokens": tf.constant([[1, 5, 6]])}
    return model(inputs).numpy()


def test_shared_words_keep_their_rows_and_new_words_start_as_unknown(run):
    config = load_config(None, [*architecture(run), "encoder.dropout=0.3", f"training.initial={run.folder}"])
    before = run.tokenizer(config)
    tokenizer = extend_vocabulary(
        before, WordTokenizer.from_captions(["a sheep bleats", "a dog barks"], 1, max_words=8)
    )
    assert tokenizer.get_vocabulary() == [*before.get_vocabulary(), "bleats", "sheep"]
    old = build_model(run.stored_config(), before.vocabulary_size(), run.normalization())
    run.restore_best(old)
    model = build_model(config, tokenizer.vocabulary_size(), run.normalization())
    load_initial(model, config, open_initial(config), before, bins=64)
    expected, found = logits(old), logits(model)
    assert expected.shape[-1] == 4 + len(WORDS)
    np.testing.assert_allclose(found[..., :-2], expected, atol=1e-5)
    np.testing.assert_allclose(found[..., -2:], expected[..., [before.unknown_id] * 2], atol=1e-5)


@pytest.mark.parametrize("override", ["encoder.units=24", "encoder.subsampling=8", "audio.num_bins=40"])
def test_another_architecture_is_refused_with_the_key_that_differs(run, override):
    config = load_config(None, [*architecture(run), override])
    with pytest.raises(ConfigError, match=f"^{override}: training.initial="):
        check_architecture(config, run)


def test_a_preset_to_start_from(run, tmp_path, monkeypatch):
    monkeypatch.setenv("AAC_TF_PRESETS", str(tmp_path))
    publish_run(run.folder, tmp_path / "small", half=False)
    preset = open_initial(load_config(None, ["training.initial=small"]))
    assert architecture(preset) == architecture(run)
    config, words = load_config(None, architecture(run)), run.tokenizer(run.stored_config())
    models = [build_model(config, words.vocabulary_size(), run.normalization()) for _ in range(2)]
    for model, initial in zip(models, (run, preset)):
        load_initial(model, config, initial, words, bins=64)
    np.testing.assert_array_equal(*map(logits, models))


def test_weights_come_only_from_a_trained_run(tmp_path):
    with pytest.raises(RunError, match="is not a run folder"):
        open_initial(load_config(None, [f"training.initial={tmp_path}"]))
    with pytest.raises(RunError, match="nothing is not a run folder, nor a preset"):
        open_initial(load_config(None, ["training.initial=nothing"]))
    assert open_initial(load_config(None)) is None
