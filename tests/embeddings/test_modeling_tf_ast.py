import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from transformers import ASTConfig

from aac_tf.embeddings import TFASTForAudioClassification, TFASTModel
from aac_tf.embeddings.ast.positions import resize_positions

FIXTURES = pathlib.Path(__file__).parent / "fixtures" / "ast"


def tiny(**settings):
    sizes = {"hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 3, "intermediate_size": 40}
    return ASTConfig(**sizes, num_mel_bins=32, max_length=48, **settings)


def expected_of(name):
    with np.load(FIXTURES / name / "expected.npz") as file:
        found = {key: file[key] for key in file.files}
    return tf.constant(found.pop("input_values"), tf.float32), found


def assert_close(found, expected, atol=1e-5):
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


@pytest.fixture(scope="module")
def classifier():
    return TFASTForAudioClassification.from_pretrained(FIXTURES / "overlapping")


@pytest.mark.parametrize(
    ("name", "kind"), [("overlapping", TFASTForAudioClassification), ("strided", TFASTModel)], ids=str
)
def test_every_output_agrees_with_pytorch(name, kind):
    model = kind.from_pretrained(FIXTURES / name)
    inputs, expected = expected_of(name)
    found = model(inputs, output_hidden_states=True, output_attentions=True)
    masked = model(inputs, head_mask=tf.constant(expected.pop("head_mask")))
    assert_close(masked["logits" if "logits" in masked else "last_hidden_state"], expected.pop("masked"))
    layers = model.config.num_hidden_layers
    assert [len(found.hidden_states), len(found.attentions)] == [layers + 1, layers]
    assert len(expected) == (3 if name == "strided" else 2) - 1 + 2 * layers + 1
    for key, value in expected.items():
        key, _, number = key.partition(".")
        assert_close(found[key][int(number)] if number else found[key], value)


def test_the_published_shape_agrees_with_pytorch():
    inputs, expected = expected_of("audioset")
    found = TFASTModel.from_pretrained(FIXTURES / "audioset")(inputs)
    assert found.last_hidden_state.shape == (1, 1214, 16)
    assert_close(found.last_hidden_state[:, ::50], expected["last_hidden_state"])
    assert_close(found.pooler_output, expected["pooler_output"])
    found = TFASTForAudioClassification.from_pretrained(FIXTURES / "audioset")(inputs)
    assert_close(found.logits, expected["logits"])


def test_checkpoints_load_without_pytorch(tmp_path):
    program = f"""
import sys
sys.modules["torch"] = None
import numpy as np
from aac_tf.embeddings import TFASTForAudioClassification
expected = np.load({os.fspath(FIXTURES / "overlapping" / "expected.npz")!r})
model = TFASTForAudioClassification.from_pretrained({os.fspath(FIXTURES / "overlapping")!r})
model.save_pretrained("saved")
for name in ({os.fspath(FIXTURES / "overlapping")!r}, "saved"):
    model = TFASTForAudioClassification.from_pretrained(name)
    assert np.abs(model(expected["input_values"].astype("f4")).logits - expected["logits"]).max() < 1e-5
"""
    root = pathlib.Path(__file__).parents[2]
    path = os.pathsep.join([os.fspath(root), os.environ.get("PYTHONPATH", "")])
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, env={**os.environ, "PYTHONPATH": path})


@pytest.mark.parametrize("safe", [True, False], ids=["safetensors", "h5"])
@pytest.mark.parametrize(
    ("name", "kind"), [("overlapping", TFASTForAudioClassification), ("strided", TFASTModel)], ids=str
)
def test_save_and_load(name, kind, safe, tmp_path):
    kind.from_pretrained(FIXTURES / name).save_pretrained(tmp_path, safe_serialization=safe)
    inputs, expected = expected_of(name)
    key = "logits" if "logits" in expected else "last_hidden_state"
    assert_close(kind.from_pretrained(tmp_path)(inputs)[key], expected[key])


def test_pytorch_loads_saved_models(tmp_path):
    torch = pytest.importorskip("torch")
    import transformers

    for name, kind in (("overlapping", "ASTForAudioClassification"), ("strided", "ASTModel")):
        ours = TFASTForAudioClassification if name == "overlapping" else TFASTModel
        ours.from_pretrained(FIXTURES / name).save_pretrained(tmp_path / name)
        model, info = getattr(transformers, kind).from_pretrained(tmp_path / name, output_loading_info=True)
        assert not any(info.values())
        inputs, expected = expected_of(name)
        with torch.inference_mode():
            found = model.eval()(torch.tensor(inputs.numpy()))
        assert_close(found[0], next(value for key, value in expected.items() if key in ("logits", "last_hidden_state")))


def rewritten(folder, change, name="overlapping"):
    """A copy of a fixture whose weights, a dict, a function has changed."""
    from safetensors.numpy import load_file, save_file

    shutil.copytree(FIXTURES / name, folder, dirs_exist_ok=True)
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file({key: np.ascontiguousarray(value) for key, value in weights.items()}, folder / "model.safetensors")
    return folder


def test_weights_that_do_not_fit_are_an_error(tmp_path):
    prefix = "audio_spectrogram_transformer."
    wide = f"{prefix}encoder.layer.0.intermediate.dense.weight"
    changes = {
        "missing": lambda weights: weights.pop(f"{prefix}layernorm.bias"),
        "unexpected": lambda weights: weights.update({f"{prefix}encoder.layer.2.layernorm_before.bias": np.ones(24)}),
        # The right number of values, but transposed.
        r"is \[24, 40\], not \[40, 24\]": lambda weights: weights.update({wide: weights[wide].T}),
    }
    for number, (message, change) in enumerate(changes.items()):
        folder = rewritten(tmp_path / str(number), change)
        with pytest.raises(ValueError, match=message):
            TFASTForAudioClassification.from_pretrained(folder)
        _, info = TFASTForAudioClassification.from_pretrained(folder, strict=False, output_loading_info=True)
        assert any(info.values())
    with pytest.raises(ValueError, match=r"classifier\.dense\.bias is missing"):
        TFASTForAudioClassification.from_pretrained(FIXTURES / "strided")
    with pytest.raises(ValueError, match="resize_time"):
        TFASTModel.from_pretrained(FIXTURES / "overlapping", max_length=48)


def test_new_classifier_on_request():
    with pytest.raises(ValueError, match="classifier"):
        TFASTForAudioClassification.from_pretrained(FIXTURES / "overlapping", num_labels=3)
    model = TFASTForAudioClassification.from_pretrained(
        FIXTURES / "overlapping", num_labels=3, ignore_mismatched_sizes=True
    )
    inputs, _ = expected_of("overlapping")
    assert model(inputs).logits.shape == (2, 3)


def test_half_precision_checkpoints(tmp_path):
    folder = rewritten(tmp_path, lambda weights: weights.update({k: v.astype("f2") for k, v in weights.items()}))
    inputs, expected = expected_of("overlapping")
    model = TFASTForAudioClassification.from_pretrained(folder)
    assert {weight.dtype for weight in model.weights} == {tf.float32}
    assert_close(model(inputs).logits, expected["logits"], atol=1e-2)


def test_damaged_and_missing_files(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        TFASTModel.from_pretrained(tmp_path / "nowhere", local_files_only=True)
    shutil.copytree(FIXTURES / "strided", tmp_path / "cut")
    whole = (tmp_path / "cut" / "model.safetensors").read_bytes()
    (tmp_path / "cut" / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(OSError, match="damaged"):
        TFASTModel.from_pretrained(tmp_path / "cut")


@pytest.mark.parametrize("jit", [False, True], ids=["graph", "xla"])
def test_compiled(classifier, jit):
    inputs, expected = expected_of("overlapping")
    call = tf.function(lambda x: classifier(x, output_attentions=True), jit_compile=jit, autograph=False)
    found = call(inputs)
    assert_close(found.logits, expected["logits"])
    assert_close(found.attentions[1], expected["attentions.1"])


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(policy):
    inputs, expected = expected_of("overlapping")
    tf.keras.mixed_precision.set_global_policy(policy)
    try:
        model = TFASTForAudioClassification.from_pretrained(FIXTURES / "overlapping")
        found = model(inputs)
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    assert {weight.dtype for weight in model.weights} == {tf.float32}
    assert found.logits.dtype == tf.as_dtype(policy[len("mixed_") :])
    assert_close(tf.cast(found.logits, tf.float32), expected["logits"], atol=0.1)


def test_tuples_and_named_inputs(classifier):
    inputs, expected = expected_of("overlapping")
    logits, attentions = classifier({"input_values": inputs}, output_attentions=True, return_dict=False)
    assert_close(logits, expected["logits"])
    assert_close(attentions[0], expected["attentions.0"])
    with pytest.raises(ValueError, match=r"\[None, 64, 48\].*\(2, 60, 48\)"):
        classifier(inputs[:, :60])


def test_loss(classifier):
    inputs, expected = expected_of("overlapping")
    found = classifier(inputs, labels=tf.constant([3, 1]))
    logits = expected["logits"]
    log_probs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    assert_close(found.loss, [-log_probs[0, 3], -log_probs[1, 1]])

    several = TFASTForAudioClassification.from_pretrained(
        FIXTURES / "overlapping", problem_type="multi_label_classification"
    )
    labels = np.array([[1, 0, 0, 1, 0], [0, 0, 0, 0, 1]], "f4")
    probs = 1 / (1 + np.exp(-logits))
    loss = -np.mean(labels * np.log(probs) + (1 - labels) * np.log(1 - probs), axis=-1)
    assert_close(several(inputs, labels=labels).loss, loss)


def test_fit_trains_every_weight():
    model = TFASTForAudioClassification(tiny(num_labels=2, hidden_dropout_prob=0.1))
    model.compile(optimizer=tf.keras.optimizers.Adam(1e-2))
    labels = np.arange(16) % 2
    inputs = np.random.default_rng(0).normal(labels[:, None, None], 0.5, [16, 48, 32]).astype("f4")
    model.build_in_name_scope()
    before = [weight.numpy() for weight in model.trainable_weights]
    losses = model.fit({"input_values": inputs, "labels": labels}, epochs=8, batch_size=8, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    unmoved = [w.name for w, b in zip(model.trainable_weights, before) if np.array_equal(w.numpy(), b)]
    # The bias of the keys shifts all scores of a query equally, which has no effect after the softmax.
    assert not [name for name in unmoved if "key/bias" not in name]


def test_dropout_only_in_training():
    model = TFASTModel(tiny(hidden_dropout_prob=0.5))
    inputs = tf.random.stateless_normal([1, 48, 32], [1, 2])
    first = [model(inputs, training=training).pooler_output.numpy() for training in (False, True)]
    second = [model(inputs, training=training).pooler_output.numpy() for training in (False, True)]
    np.testing.assert_array_equal(first[0], second[0])
    assert np.abs(first[1] - second[1]).max() > 1e-3


def test_as_a_saved_model(tmp_path):
    model = TFASTModel(tiny())
    inputs = tf.random.stateless_normal([2, 48, 32], [1, 2])
    expected = model(inputs).last_hidden_state
    model.save_pretrained(tmp_path, saved_model=True)
    served = tf.saved_model.load(os.fspath(tmp_path / "saved_model" / "1")).signatures["serving_default"]
    assert_close(served(input_values=inputs)["last_hidden_state"], expected)


def test_positions_cut_from_the_middle_of_the_time_axis():
    config = ASTConfig()  # 12 frequencies, 101 times
    grid = np.arange(12)[:, np.newaxis] * 1000.0 + np.arange(101)
    positions = np.concatenate([[-1.0, -2.0], grid.ravel()]).reshape(1, -1, 1)
    found = resize_positions(positions, config, 96)[0, :, 0]
    assert found[:2].tolist() == [-1.0, -2.0]
    # 9 times, from 101 // 2 - 9 // 2 = 46.
    np.testing.assert_array_equal(found[2:].reshape(12, 9), grid[:, 46:55])
    np.testing.assert_array_equal(resize_positions(positions, config, 1024), positions)


def test_positions_interpolated_for_longer_spectrograms():
    config = ASTConfig(max_length=56, num_mel_bins=36)  # 3 frequencies, 5 times
    positions = np.random.default_rng(0).normal(size=[1, 17, 4])
    found = resize_positions(positions, config, 116)  # 11 times
    expected = tf.image.resize(positions[:, 2:].reshape(1, 3, 5, 4), [3, 11], "bilinear")
    assert_close(found[:, 2:].reshape(1, 3, 11, 4), expected, atol=1e-6)
    np.testing.assert_array_equal(found[:, :2], positions[:, :2])


def test_invalid_positions():
    with pytest.raises(ValueError, match="smaller than a patch"):
        resize_positions(np.zeros([1, 1214, 8]), ASTConfig(), 15)
    with pytest.raises(ValueError, match="1214"):
        resize_positions(np.zeros([1, 100, 8]), ASTConfig(), 96)


def test_resize_time(classifier):
    inputs, expected = expected_of("overlapping")
    same = classifier.resize_time(64)
    assert_close(same(inputs).logits, expected["logits"])
    shorter = classifier.resize_time(40)
    assert shorter.config.max_length == 40
    assert shorter(inputs[:, :40]).logits.shape == (2, 5)
    positions = [m.audio_spectrogram_transformer.embeddings.position_embeddings for m in (classifier, shorter)]
    np.testing.assert_array_equal(positions[1], resize_positions(positions[0].numpy(), classifier.config, 40))


@pytest.mark.slow
def test_the_full_model_agrees_with_pytorch(tmp_path):
    torch = pytest.importorskip("torch")
    from transformers import ASTModel

    from aac_tf.embeddings.ast.source import random_model

    ours = random_model(ASTConfig())
    ours.save_pretrained(tmp_path)
    theirs = ASTModel.from_pretrained(tmp_path).eval()
    inputs = 0.5 * np.random.default_rng(1).standard_normal([1, 1024, 128], np.float32)
    with torch.inference_mode():
        expected = theirs(torch.tensor(inputs)).last_hidden_state[:, 0].numpy()
    assert expected.std() > 0.3
    assert_close(ours(inputs).last_hidden_state[:, 0], expected, atol=1e-4)
