"""Training with a frozen encoder."""

import numpy as np
import pytest
import tensorflow as tf
from small_runs import SMALL_AST

from aac_tf import Captioner
from aac_tf.build import build_model, build_spec
from aac_tf.config import ConfigError, load_config
from aac_tf.data.preparation import prepare_dataset, read_clips
from aac_tf.export.published import publish_run
from aac_tf.runs.run import Run
from aac_tf.training.trainer import train

SMALL = [
    "data.source=scenes",
    "scenes.train=8",
    "scenes.validation=2",
    "scenes.test=2",
    "scenes.min_seconds=2",
    "scenes.max_seconds=4",
    "vocabulary.min_count=1",
    "encoder.units=8",
    "decoder.units=8",
    "training.epochs=1",
    "training.batch_size=8",
]


def test_the_frozen_encoder_brings_its_own_spectrogram():
    spec = build_spec(load_config(None, ["embedding.kind=yamnet"]))
    assert (spec.sample_rate, spec.hop_length, spec.num_bins) == (16000, 160, 64)
    with pytest.raises(ConfigError, match="brings its own spectrogram"):
        build_spec(load_config(None, ["embedding.kind=yamnet", "audio.hop_length=320"]))


@pytest.fixture(scope="module")
def options(real_data, tmp_path_factory):
    """Overrides of a small experiment with YAMNet on a few scenes, with a cache of its own."""
    folder = tmp_path_factory.mktemp("yamnet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AAC_TF_CACHE", str(folder / "cache"))
        options = [
            f"data.root={folder / 'scenes'}",
            *SMALL,
            "embedding.kind=yamnet",
            f"embedding.source={real_data / 'yamnet' / 'yamnet_bn_folded.npz'}",
        ]
        prepare_dataset(load_config(None, options))
        yield options


@pytest.mark.real_data
@pytest.mark.slow
def test_yamnet_is_in_the_graph_but_not_in_the_checkpoints(options, tmp_path):
    config = load_config(None, options)
    run = Run(tmp_path / "run")
    train(config, run)
    stored = [name for name, _ in tf.train.list_variables(str(run.last))]
    assert any("encoder" in name for name in stored)
    assert not any("embedder" in name for name in stored)
    captioner = Captioner.load(run.folder)
    assert not any("embedder" in weight.name for weight in captioner.model.weights)
    assert captioner.model.output_length(captioner.spec.output_length(30 * 16000)) == 62
    together = captioner.caption([clip.path for clip in read_clips(config, "test")])
    for clip, expected in zip(read_clips(config, "test"), together):
        (alone,) = captioner.caption([clip.path])
        assert alone.text == expected.text
        assert alone.log_prob == pytest.approx(expected.log_prob, abs=1e-4)


@pytest.mark.real_data
@pytest.mark.slow
def test_training_from_the_store_equals_training_through_the_network(options, tmp_path):
    rows = {}
    for store in ("on", "off"):
        config = load_config(None, [*options, "specaugment.probability=0", f"data.embedding_store={store}"])
        (rows[store],) = train(config, Run(tmp_path / store))
    for name in ("loss", "val_loss"):
        assert float(rows["on"][name]) == pytest.approx(float(rows["off"][name]), rel=1e-5)


def test_a_store_without_views_is_rejected_with_specaugment():
    with pytest.raises(ConfigError, match="stores no augmented view"):
        load_config(None, ["embedding.kind=yamnet", "data.embedding_store=0"])
    config = load_config(None, ["embedding.kind=yamnet", "data.embedding_store=0", "specaugment.probability=0"])
    assert config.data.stored_views() == 0


@pytest.mark.parametrize(("value", "views"), [("on", 4), ("off", None), ("7", 7)])
def test_number_of_stored_views(value, views):
    assert load_config(None, [f"data.embedding_store={value}"]).data.stored_views() == views
    with pytest.raises(ConfigError, match=r"on \| off \| a number"):
        load_config(None, ["data.embedding_store=some"])


@pytest.mark.slow
def test_ast_trains_from_the_store_and_captions(tmp_path, monkeypatch):
    from transformers import ASTConfig

    from aac_tf.embeddings import TFASTModel

    small = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    model = TFASTModel(ASTConfig(**small, max_length=128))
    model.build_in_name_scope()
    model.save_pretrained(tmp_path / "ast")
    monkeypatch.setenv("AAC_TF_CACHE", str(tmp_path / "cache"))
    options = [
        f"data.root={tmp_path / 'scenes'}",
        "data.embedding_store=1",
        *SMALL,
        "embedding.kind=ast",
        "embedding.normalize=true",
        f"embedding.source={tmp_path / 'ast'}",
    ]
    config = load_config(None, options)
    run = Run(tmp_path / "run")
    train(config, run)
    assert len(list((tmp_path / "cache" / "embeddings").glob("*.tfrecord"))) == 3
    captioner = Captioner.load(run.folder)
    assert captioner.model.embedder.width == 16
    mean, variance = run.normalization(16)
    front_end = captioner.front_end
    features, length = front_end.batch([front_end.read(clip.path) for clip in read_clips(config, "train")])
    embedding, _, segments = captioner.model.embed_and_score(features, length)
    rows = tf.boolean_mask(embedding, tf.sequence_mask(segments)).numpy()
    np.testing.assert_allclose(rows.mean(0), mean, atol=1e-3)
    np.testing.assert_allclose(np.maximum(rows.var(0), variance.min()), variance, rtol=1e-2)
    captions = captioner.caption([clip.path for clip in read_clips(config, "test")])
    assert all(caption.log_prob < 0 for caption in captions)


def test_normalized_embeddings_are_encoded_alike_with_and_without_the_network(small_runs):
    run, model = Run(small_runs["AST"].folder), small_runs["AST"].captioner.model
    features, length = tf.random.stateless_normal([2, 300, 128], [1, 2]), tf.constant([300, 200])
    embedding, _, segments = model.embed_and_score(features, length)
    config = run.stored_config()
    trained = build_model(config, model.decoder.vocabulary_size, run.normalization(), bins=model.embedder.width)
    run.restore_best(trained)
    expected, steps = trained.encode(embedding, segments)
    for found, number in (model.encode(features, length), model.encode_embedded(embedding, segments)):
        np.testing.assert_allclose(found, expected, atol=1e-5)
        np.testing.assert_array_equal(number, steps)
    plain = build_model(config, model.decoder.vocabulary_size, bins=model.embedder.width)
    run.restore_best(plain)
    assert np.abs(plain.encode(embedding, segments)[0] - expected).max() > 0.01


@pytest.mark.slow
def test_embeddings_are_normalized_without_a_store_too(tmp_path):
    options = [
        *(f"data.root={tmp_path / 'scenes'}", f"data.embedding_folder={tmp_path / 'embeddings'}", *SMALL),
        *("embedding.kind=ast", f"embedding.source={SMALL_AST}", "embedding.normalize=true", "training.samples=0"),
    ]
    for store in ("on", "off"):
        train(load_config(None, [*options, f"data.embedding_store={store}"]), Run(tmp_path / store))
    stored, computed = (Run(tmp_path / store).normalization() for store in ("on", "off"))
    np.testing.assert_allclose(computed, stored, rtol=1e-4)
    published = publish_run(tmp_path / "off", tmp_path / "published")
    captioner = Captioner.load(published, [f"embedding.source={SMALL_AST}"])
    np.testing.assert_allclose(captioner.model.normalization.mean[0, 0], computed[0])


def test_options_of_another_frozen_encoder_are_rejected():
    with pytest.raises(
        ConfigError, match=r"embedding\.window_seconds is a key of embedding\.kind=ast, not of embedding\.kind=yamnet"
    ):
        build_spec(load_config(None, ["embedding.kind=yamnet", "embedding.window_seconds=10.24"]))
    assert (
        build_spec(load_config(None, ["embedding.kind=ast", "embedding.window_seconds=10.24"])).segment_length == 1024
    )
