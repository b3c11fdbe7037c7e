"""Captioners converted to LiteRT."""

import functools
import json
import os
import pathlib
import zipfile

import numpy as np
import pytest
import tensorflow as tf
from lite_models import graphs, noise, runner
from small_runs import write_run
from tensorflow.lite.python import schema_py_generated as schema

from aac_tf import Captioner
from aac_tf.cli import export_tflite as command
from aac_tf.export.lite import convert
from aac_tf.export.lite.encoders import LiteEncoder, LiteSubsampledBiRNN, lite_encoder
from aac_tf.export.lite.module import STATUS
from aac_tf.models import SubsampledBiRNN

# In all of them the states of the encoder and the decoder have the same shape, so the converter could merge them.
KINDS = ["attention", "attention, M = 4", "fixed vector", "AST", pytest.param("transformer", marks=pytest.mark.slow)]


def parsed(model):
    """The operation codes, the tensors and the options of the operations in all graphs of a model."""
    model = graphs(model)
    tensors = [tensor for graph in model.subgraphs for tensor in graph.tensors]
    operations = [operation for graph in model.subgraphs for operation in graph.operators]
    codes = [model.operatorCodes[operation.opcodeIndex].builtinCode for operation in operations]
    return codes, tensors, [operation.builtinOptions for operation in operations]


def assert_same(run, captioner, sound):
    (expected,) = captioner.caption([sound], beam_size=1)
    found = run(waveform=sound)
    tokens = found["tokens"]
    assert (tokens.dtype, tokens.shape) == (np.int32, (captioner.tokenizer.max_words + 1,))
    assert captioner.tokenizer.detokenize(tokens).numpy().decode() == expected.text
    assert tokens[-1] == captioner.tokenizer.end_id
    assert found["log_prob"] == pytest.approx(expected.log_prob, abs=1e-3)
    assert found["status"] == 0


@pytest.fixture(scope="module")
def lite(small_runs):
    """Function from a kind of run to its `Captioner` and its LiteRT model with 32-bit weights, cached."""

    @functools.cache
    def lite(kind):
        captioner = small_runs[kind].captioner
        return captioner, convert(captioner, quantize=False)

    return lite


@pytest.fixture(scope="module")
def quantized(one_captioner):
    return convert(one_captioner)


class OtherBiRNN(SubsampledBiRNN):
    """A subclass, which could compute something else than the form of its base class does."""


@pytest.mark.parametrize(
    ("encoder", "form"),
    [
        (SubsampledBiRNN(4, 3, "gru", subsampling=2), LiteSubsampledBiRNN),
        (SubsampledBiRNN(4, 2, "lstm", residual=False), LiteSubsampledBiRNN),
        (OtherBiRNN(4, 2, "gru", subsampling=2), LiteEncoder),
    ],
)
def test_form_of_an_encoder_computes_its_steps(encoder, form):
    for steps in (37, 1):
        inputs = tf.random.stateless_normal([1, steps, 5], [1, 2])
        expected, _ = encoder(inputs)
        lite = lite_encoder(encoder)
        assert type(lite) is form
        found, length = lite(inputs)
        np.testing.assert_allclose(found, expected, atol=1e-6)
        assert length == [expected.shape[1]]


@pytest.mark.parametrize("kind", KINDS)
def test_captions_are_those_of_greedy_search(lite, kind):
    captioner, model = lite(kind)
    run = runner(model)
    second = captioner.spec.sample_rate
    # Some clips have the same length as the one before: the state of that one must not be left.
    shortest = second // 20
    for seed, samples in enumerate([shortest, shortest, 4000, second, second, second, 2 * second + 77, 30 * second]):
        assert_same(run, captioner, noise(samples, seed))


def test_style_is_that_of_the_export(small_runs, tmp_path, capsys):
    run, found = small_runs["styles"], {}
    for style in ("clotho", "none"):
        captioner = Captioner.load(run.folder, [f"decoding.style={style}"])
        output = str(tmp_path / f"{style}.tflite")
        assert command.main(["--run", str(run.folder), "--output", output, "--float", "--style", style, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["style"] == style
        run_model = runner(pathlib.Path(output).read_bytes())
        for seed in range(3):
            assert_same(run_model, captioner, noise(16000, seed))
        found[style] = captioner.caption([noise(16000, seed) for seed in range(3)], beam_size=1)
    assert found["clotho"] != found["none"]


def test_what_has_no_caption_has_the_reason_of_the_captioner(lite):
    captioner, model = lite("attention, M = 4")
    run, sound = runner(model), noise(16000)
    bad = [np.zeros_like(sound), sound[:799]]
    bad += [np.where(np.arange(16000) == 9, value, sound).astype(np.float32) for value in (np.nan, np.inf, 1e30)]
    for waveform, error in zip(bad, captioner.caption_each(bad)):
        found = run(waveform=waveform)
        assert STATUS[found["status"]] == error.reason
        assert set(found["tokens"]) == {captioner.tokenizer.end_id}
        assert found["log_prob"] < -1e30
    assert_same(run, captioner, 300 * sound)


@pytest.mark.parametrize("kind", KINDS)
def test_uses_built_in_operations_and_fused_lstms(lite, kind):
    captioner, model = lite(kind)
    codes, _, options = parsed(model)
    names = schema.BuiltinOperator
    # The Python interpreter also runs TensorFlow operations, which other interpreters lack.
    assert names.CUSTOM not in codes
    config = captioner.config.encoder
    assert codes.count(names.UNIDIRECTIONAL_SEQUENCE_LSTM) == (
        2 * config.layers if getattr(config, "cell", None) == "lstm" else 0
    )
    # Keras does not clip the cell state.
    clips = {option.cellClip for option in options if isinstance(option, schema.UnidirectionalSequenceLSTMOptionsT)}
    assert clips <= {0.0}


def test_quantized(one_captioner, lite, quantized):
    # Random weights often rate several words about equally, and quantization then decides between them: 8 of these 60
    # captions change with the weights that TensorFlow 2.21 draws, none with those of TensorFlow 2.15.
    run, sounds = runner(quantized), [noise(16000, seed) for seed in range(60)]
    expected = one_captioner.caption(sounds, beam_size=1)
    found = [run(waveform=sound) for sound in sounds]
    words = [one_captioner.tokenizer.detokenize(result["tokens"]).numpy().decode() for result in found]
    assert np.mean([text == caption.text for text, caption in zip(words, expected)]) >= 0.8
    errors = [abs(result["log_prob"] - caption.log_prob) for result, caption in zip(found, expected)]
    assert np.median(errors) < 0.1
    assert len(set(words)) > 10
    assert all(result["tokens"][-1] == one_captioner.tokenizer.end_id for result in found)
    assert {int(result["status"]) for result in found} == {0}
    mel_bins, fft_bins = one_captioner.spec.num_bins, one_captioner.spec.fft_length // 2 + 1
    types = {tensor.type for tensor in parsed(quantized)[1] if sorted(tensor.shape) == [mel_bins, fft_bins]}
    assert types == {schema.TensorType.FLOAT32}
    weights = [tensor for tensor in parsed(quantized)[1] if tensor.type == schema.TensorType.INT8]
    assert weights
    # The runtime of TensorFlow 2.15 has no dense layer with one scale per unit.
    assert {len(weight.quantization.scale) for weight in weights if len(weight.shape) == 2} == {1}
    # The mel filter bank, which is not quantized, takes most of the size.
    assert len(quantized) < len(lite("attention, M = 4")[1])


@pytest.mark.real_data
@pytest.mark.slow
def test_yamnet(real_data, tmp_path, monkeypatch):
    monkeypatch.setenv("AAC_TF_CACHE", str(tmp_path / "cache"))
    weights = real_data / "yamnet" / "yamnet_bn_folded.npz"
    captioner = Captioner.load(write_run(tmp_path / "run", ["embedding.kind=yamnet", f"embedding.source={weights}"]))
    model = convert(captioner, quantize=False)
    run = runner(model)
    for seed, samples in enumerate([800, 15600, 15601, 160000, 160000]):
        assert_same(run, captioner, noise(samples, seed))
    small = convert(captioner)
    assert len(small) < len(model) / 3
    assert runner(small)(waveform=noise(16000))["log_prob"] < 0
    graph = graphs(small)
    names = schema.BuiltinOperator
    kernels = {
        main.tensors[operation.inputs[1]].type
        for main in graph.subgraphs
        for operation in main.operators
        if graph.operatorCodes[operation.opcodeIndex].builtinCode in (names.CONV_2D, names.DEPTHWISE_CONV_2D)
    }
    assert kernels == {schema.TensorType.FLOAT32}


def test_command_writes_a_self_contained_file(one_run, one_captioner, plain_tensorflow, tmp_path, capsys):
    output = tmp_path / "models" / "captioner.tflite"
    arguments = ["--run", str(one_run.folder), "--output", str(output)]
    assert command.main([*arguments, "--json"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert (written["path"], written["bytes"]) == (str(output), output.stat().st_size)
    assert (written["sample_rate"], written["quantized"]) == (16000, True)
    code = """
import json, sys, zipfile, numpy as np, tensorflow as tf
with zipfile.ZipFile(sys.argv[1]) as archive:
    words = archive.read("vocabulary.txt").decode().split()
    about = json.loads(archive.read("model.json"))
run = tf.lite.Interpreter(sys.argv[1]).get_signature_runner()
tokens = run(waveform=np.load(sys.argv[2]))["tokens"].tolist()
print(json.dumps([" ".join(words[token] for token in tokens[:tokens.index(about["end_id"])]), about]))
"""
    np.save(tmp_path / "sound.npy", noise(16000))
    text, about = plain_tensorflow(code, output, tmp_path / "sound.npy")
    assert text == one_captioner.caption([noise(16000)], beam_size=1)[0].text
    assert about == {name: value for name, value in written.items() if name not in ("path", "bytes")}
    small = output.stat().st_size
    assert command.main([*arguments, "--float"]) == 0
    assert output.stat().st_size > small
    assert capsys.readouterr().out == f"{output}: {output.stat().st_size / 1e6:.2f} MB\n"
    assert os.listdir(output.parent) == [output.name]
    with zipfile.ZipFile(output) as archive:
        assert archive.read("vocabulary.txt").decode().splitlines() == one_captioner.tokenizer.get_vocabulary()


def test_command_reports_errors(one_run, tmp_path, capsys):
    assert command.main(["--run", str(tmp_path), "--output", str(tmp_path / "m.tflite")]) == 2
    assert "not a run folder" in capsys.readouterr().err
    pathlib.Path(tmp_path / "file").write_text("")
    assert command.main(["--run", str(one_run.folder), "--output", str(tmp_path / "file" / "m.tflite")]) == 2
    (tmp_path / "folder").mkdir()
    assert command.main(["--run", str(one_run.folder), "--output", str(tmp_path / "folder")]) == 2
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]
