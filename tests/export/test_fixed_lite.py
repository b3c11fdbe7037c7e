"""Captioners converted to LiteRT with fixed shapes, as LiteRT.js and accelerators need them."""

import numpy as np
import pytest
import tensorflow as tf
from lite_models import graphs, noise, runner
from tensorflow.lite.python import schema_py_generated as schema

from aac_tf import Captioner
from aac_tf.cli import export_tflite as command
from aac_tf.decoding import Greedy, Sample
from aac_tf.export.lite import convert
from aac_tf.export.lite.encoders import lite_encoder
from aac_tf.export.lite.rewriting import rewrite
from aac_tf.export.lite.weights import quantize_weights
from aac_tf.models import SubsampledBiRNN

SECONDS = 1.5


def assert_same(run, captioner, sound, samples, search):
    (expected,) = captioner.caption([sound], search=search or Greedy())
    # What comes after the clip must have no effect.
    waveform = np.full(samples, 0.5, np.float32)
    waveform[: len(sound)] = sound
    found = run(waveform=waveform, length=np.array([len(sound)], np.int32))
    assert captioner.tokenizer.detokenize(found["tokens"]).numpy().decode() == expected.text
    assert found["log_prob"] == pytest.approx(expected.log_prob, abs=1e-3)
    assert found["status"] == 0


def check_fixed(captioner, model, search=None):
    """Asserts that a float model of `SECONDS` has only fixed shapes at its ends, and the captions of the captioner."""
    run, rate = runner(model), captioner.spec.sample_rate
    samples = round(SECONDS * rate)
    details = run.get_input_details()
    assert {name: tuple(detail["shape_signature"]) for name, detail in details.items()} == {
        "waveform": (samples,),
        "length": (1,),
    }
    for seed, length in enumerate([rate // 20, 4000, rate, rate, samples]):
        assert_same(run, captioner, noise(length, seed), samples, search)
    tensors = [tensor for graph in graphs(model).subgraphs for tensor in graph.tensors]
    # LiteRT.js: "Variable tensors not yet supported."
    assert not any(tensor.isVariable for tensor in tensors)
    return run


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_encoder_ignores_what_comes_after_the_clip(cell):
    encoder = SubsampledBiRNN(4, 3, cell, subsampling=2)
    rng = np.random.default_rng(3)
    clip, rest = rng.normal(size=(1, 19, 5)).astype(np.float32), rng.normal(size=(1, 18, 5)).astype(np.float32)
    expected, _ = encoder(clip)
    found, length = lite_encoder(encoder, fused=False)(np.concatenate([clip, rest], axis=1), np.array([19]))
    assert length == [expected.shape[1]]
    np.testing.assert_allclose(found[:, : length[0]], expected, atol=1e-6)


@pytest.fixture(scope="module")
def fixed(one_captioner):
    """A model of float32."""
    return convert(one_captioner, quantize=False, seconds=SECONDS)


@pytest.mark.slow
def test_captions_are_those_of_the_captioner(one_captioner, fixed):
    run = check_fixed(one_captioner, fixed)
    silent = run(waveform=np.zeros(24000, np.float32), length=np.array([16000], np.int32))
    short = run(waveform=noise(24000), length=np.array([799], np.int32))
    assert (int(silent["status"]), int(short["status"])) == (3, 1)
    beyond = run(waveform=noise(24000), length=np.array([24001], np.int32))
    whole = run(waveform=noise(24000), length=np.array([24000], np.int32))
    assert beyond["log_prob"] == whole["log_prob"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["transformer", "attention, M = 4", "fixed vector", "AST"])
def test_all_kinds_of_captioners(small_runs, kind):
    captioner = small_runs[kind].captioner
    check_fixed(captioner, convert(captioner, quantize=False, seconds=SECONDS))


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "rank"), [("attention", "likelihood"), ("transformer", "consensus")])
def test_beam_search_with_the_options_of_the_run(small_runs, kind, rank):
    overrides = ["kind=beam", "length_penalty=1.0", "repeat_words=none", f"rank={rank}"]
    captioner = Captioner.load(small_runs[kind].folder, [f"decoding.{override}" for override in overrides])
    search = captioner.search_for(3)
    check_fixed(captioner, convert(captioner, quantize=False, search=search, seconds=SECONDS), search)


def test_convolutions_take_16_bits_unless_they_fit_into_8():
    rng = np.random.default_rng(0)
    levels = rng.integers(-127, 128, (3, 3, 8, 8)).astype(np.float32)
    levels[0, 0, 0] = 127
    for kernel, kind in (
        (levels * 0.01, schema.TensorType.INT8),
        (rng.normal(size=levels.shape), schema.TensorType.FLOAT16),
    ):
        layer = tf.keras.layers.Conv2D(8, 3, use_bias=False)
        network = tf.keras.Sequential([tf.keras.layers.Input([9, 9, 8]), layer])
        layer.set_weights([kernel])
        model = graphs(tf.lite.TFLiteConverter.from_keras_model(network).convert())
        quantize_weights(model)
        (graph,) = model.subgraphs
        kinds = {tensor.type for tensor in graph.tensors if list(tensor.shape) == [8, 3, 3, 8]}
        assert kinds == {kind, schema.TensorType.FLOAT32}, "stored, and restored for the computation"


@pytest.mark.slow
def test_weights_are_stored_in_8_bits_per_unit(fixed):
    model = graphs(fixed)
    before = {id(tensor): _values(model, tensor) for graph in model.subgraphs for tensor in graph.tensors}
    quantize_weights(model)
    stored = [tensor for graph in model.subgraphs for tensor in graph.tensors if tensor.type == schema.TensorType.INT8]
    assert stored
    for tensor in stored:
        scale = tensor.quantization.scale
        assert len(scale) == tensor.shape[0]
        restored = np.array(model.buffers[tensor.buffer].data).view(np.int8).reshape(tensor.shape) * scale[:, None]
        assert np.all(np.abs(restored - before[id(tensor)]) <= scale[:, None] * 0.501)
    quantized = rewrite(fixed, quantize=True)
    assert len(quantized) < len(fixed)
    run, whole, errors = runner(quantized), runner(fixed), []
    for seed in range(15):
        given = {"waveform": noise(24000, seed), "length": np.array([20000 + seed], np.int32)}
        errors.append(abs(run(**given)["log_prob"] - whole(**given)["log_prob"]))
    # Random weights rate some words about equally, and rounding then decides between them.
    assert np.median(errors) < 0.2


def _values(model, tensor):
    data = model.buffers[tensor.buffer].data
    if data is None or tensor.type != schema.TensorType.FLOAT32:
        return None
    return np.frombuffer(bytes(data), np.float32).reshape(tensor.shape)


def test_command_refuses_what_cannot_be_exported(one_run, tmp_path, capsys):
    arguments = ["--run", str(one_run.folder), "--output", str(tmp_path / "m.tflite")]
    for seconds in ("0", "601"):
        assert command.main([*arguments, "--seconds", seconds]) == 2
        assert "--seconds must be at least 0.1 and at most 600" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_model_cannot_sample(one_captioner):
    with pytest.raises(ValueError, match="a LiteRT model cannot sample: set "):
        convert(one_captioner, search=Sample())
