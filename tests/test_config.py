"""The experiment config."""

import dataclasses
import pathlib

import pytest

from aac_tf import build
from aac_tf.config import Config, ConfigError, describe_keys, flatten, load_config, save_config, schema

CONFIGS = sorted((pathlib.Path(__file__).parents[1] / "aac_tf" / "configs").glob("*.yaml"))


def test_file_then_overrides(tmp_path):
    (tmp_path / "x.yaml").write_text("training:\n  epochs: 7\n  batch_size: 3\n")
    config = load_config(tmp_path / "x.yaml", ["training.epochs=9", "data.root=/a b", "training.lr_patience=null"])
    assert (config.training.epochs, config.training.batch_size) == (9, 3)
    assert config.data.root == "/a b"
    assert config.training.lr_patience is None


@pytest.mark.parametrize(
    "overrides",
    [
        ["training.learning_rate=1e-3", "data.bucket_seconds=[1,2.5]"],
        ["decoder.kind=fixed_vector", "decoder.units=12", "decoding.kind=sample", "decoding.top_p=0.9"],
        ["embedding.kind=ast", "embedding.window_seconds=1.28"],
        ["encoder.kind=linear", "encoder.positions=true", "decoder.kind=transformer", "decoder.pre_norm=false"],
        ["data.sources=[{source: clotho, root: a}, {source: audiocaps, root: b, weight: 3}]"],
    ],
)
def test_a_saved_config_loads_back_equal(tmp_path, overrides):
    config = load_config(None, overrides)
    save_config(config, tmp_path / "x.yaml")
    assert load_config(tmp_path / "x.yaml") == config


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epoch=3", "did you mean `training.epochs`"),
        ("trainig.epochs=3", "unknown config key `trainig`; did you mean `training`?"),
        ("epochs=3", "did you mean `training.epochs`"),
        ("encoder.beam_size=3", "did you mean `decoding.beam_size`"),
        ("decoding.foo=3", "unknown config key `decoding.foo`; `aac-train --keys` lists the keys"),
        ("decoder.kind=mamba", "attention | fixed_vector | transformer"),
        ("training.batch_size=0", "at least 1"),
        ("training.epochs=many", "training.epochs"),
        ("training.epochs", "key=value"),
        ("specaugment.probability=3", "at least 0 and at most 1"),
        ("encoder.dropout=2", "at least 0 and below 1"),
        ("training.learning_rate=-1", "above 0"),
        ("training.learning_rate=.nan", "finite"),
        ("training.clip_norm=.inf", "finite"),
        ("paper={bleu_1: .nan}", "finite"),
        ("data.bucket_seconds=[9,1]", "increasing order"),
        ("data.bucket_seconds=[0,1]", "above 0"),
        ("data.bucket_seconds=3", "takes a list"),
        ("data.sources=[{source: clothe, root: a}]", "data.sources[0].source takes clotho"),
        ("data.sources=[{source: clotho, root: a, weight: 0}]", "data.sources[0].weight must be at least 1"),
        ("decoder.embedding=x", "decoder.embedding"),
        ("decoder=3", "takes a mapping"),
        ("paper=[1]", "takes a mapping"),
        ("data.root=[", "not YAML"),
        ("scenes.min_seconds=40", "more than scenes.max_seconds"),
    ],
)
def test_error_messages_name_the_problem(override, message):
    with pytest.raises(ConfigError) as error:
        load_config(None, [override])
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["decoder.kind=fixed_vector", "decoder.embedding=512"], "key of decoder.kind=attention, not of"),
        (["embedding.kind=yamnet", "augmentation.gain_db=6"], "set data.embedding_store=off"),
        (["embedding.kind=yamnet", "embedding.window_seconds=2"], "key of embedding.kind=ast, not of"),
        (["decoding.kind=greedy", "decoding.beam_size=2"], "key of decoding.kind=beam and diverse_beam, not of"),
        (["encoder.kind=linear", "encoder.layers=2"], "key of encoder.kind=birnn, not of encoder.kind=linear"),
        (["decoding.temperature=2"], "key of decoding.kind=sample, not of decoding.kind=beam"),
        (["embedding.kind=yamnet", "audio.num_bins=12"], "brings its own spectrogram"),
        (["data.root=x", "data.sources=[{source: clotho, root: a}]"], "exclude each other"),
    ],
)
def test_keys_of_another_kind_are_rejected(overrides, message):
    with pytest.raises(ConfigError, match=message):
        load_config(None, overrides)


def test_configs_of_earlier_versions_with_the_keys_of_all_kinds_load(tmp_path):
    """Default values are ignored; other values are rejected with a message that names the key to remove."""
    (tmp_path / "old.yaml").write_text(
        "embedding: {kind: none, source: null, batch_windows: null, window_seconds: 0.96, precision: float32}\n"
        "decoder: {kind: fixed_vector, units: 64, embedding: 256, attention_units: 256, dropout: 0.0}\n"
        "encoder: {cell: gru, layers: 3, units: 64, subsampling: 4, residual: true, dropout: 0.1}\n"
        "decoding: {beam_size: 1, length_penalty: 0.0}\n"
    )
    config = load_config(tmp_path / "old.yaml")
    assert flatten(config)["decoder.units"] == 64
    assert flatten(config)["encoder.cell"] == "gru"
    assert flatten(config)["decoding.beam_size"] == 1
    (tmp_path / "old.yaml").write_text("decoder: {kind: fixed_vector, embedding: 512}\n")
    with pytest.raises(ConfigError, match=r"decoder\.embedding is a key of decoder\.kind=attention.*remove it"):
        load_config(tmp_path / "old.yaml")


def test_overriding_the_kind_discards_the_keys_of_the_kind_in_the_file(tmp_path):
    (tmp_path / "x.yaml").write_text("decoding: {kind: beam, beam_size: 7, length_penalty: 1.0}\n")
    config = load_config(tmp_path / "x.yaml", ["decoding.kind=sample", "decoding.samples=2"])
    assert (config.decoding.kind, config.decoding.samples) == ("sample", 2)


@pytest.mark.parametrize("text", ["a: [", "- 1\n- 2\n"])
def test_files_that_are_not_a_config(tmp_path, text):
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"x\.yaml"):
        load_config(tmp_path / "x.yaml")


def test_describe_keys_lists_every_key_of_every_kind():
    rows = describe_keys()
    assert all(about for _, _, about in rows)
    listed = {name for name, _, _ in rows}
    for section, kinds in (("decoder", schema.DECODERS), ("decoding", schema.SEARCHES), ("encoder", schema.ENCODERS)):
        for cls in kinds.values():
            assert {f"{section}.{item.name}" for item in dataclasses.fields(cls)} <= listed
    assert "at most 1" in next(about for name, _, about in rows if name == "specaugment.probability")


@pytest.mark.parametrize("name", ["ENCODERS", "DECODERS", "FROZEN_ENCODERS", "SEARCHES"])
def test_every_kind_in_the_config_has_a_class(name):
    assert set(getattr(build, name)) == set(getattr(schema, name))


def test_every_dataset_and_spec_in_the_config_exists():
    assert set(build.DATASETS) == set(schema.DATASETS)
    assert set(build.SPECS) == set(schema.SPECS)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_packaged_configs_load_and_start_with_the_command_that_runs_them(path):
    config = load_config(path)
    assert isinstance(config, Config)
    assert config.name == path.stem
    assert path.read_text().startswith(f"# aac-train --config {path.stem}")
