"""The exported model gives the captions of the `Captioner` wherever it is loaded."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import tensorflow as tf
import tensorflow_hub as hub
from small_runs import write_run
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import prediction_log_pb2

from aac_tf import Captioner
from aac_tf.audio import load_audio
from aac_tf.cli import export as export_command
from aac_tf.export.saved_model import export_saved_model

NO_CAPTION = -1e30
# Time of the first encoder step, and from one step to the next, in seconds.
STEPS = {
    "attention": (0, 512 / 16000),
    "attention, M = 4": (0, 4 * 512 / 16000),
    "fixed vector": (0, 2 * 2 * 512 / 44100),
    "AST": (0.4875, 0.48),
    "transformer": (0, 512 / 16000),
}
TRANSFORMER = pytest.param("transformer", marks=pytest.mark.slow)
KINDS = ["attention", "attention, M = 4", "fixed vector", "AST", TRANSFORMER]


def contents(paths):
    return tf.constant([path.read_bytes() for path in paths])


def assert_same(outputs, captions):
    """Checks that the outputs of a signature are the given captions."""
    assert [text.decode() for text in outputs["caption"].numpy()] == [caption.text for caption in captions]
    assert not any(outputs["status"].numpy())
    for texts, log_probs, caption in zip(outputs["captions"].numpy(), outputs["log_probs"].numpy(), captions):
        expected = [(caption.text, caption.log_prob)] + [(item.text, item.log_prob) for item in caption.alternatives]
        found = [(text.decode(), value) for text, value in zip(texts, log_probs) if value > NO_CAPTION]
        assert [text for text, _ in found] == [text for text, _ in expected]
        # Batches of other sizes are rounded differently, by how much depends on the processor.
        values = ([value for _, value in found], [value for _, value in expected])
        np.testing.assert_allclose(*values, rtol=3e-5, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_captions_equal_those_of_the_captioner(small_runs, kind, wavs):
    captioner, loaded = small_runs[kind].captioner, small_runs[kind].loaded
    expected = captioner.caption(wavs)
    assert_same(loaded.signatures["caption_wav"](contents(wavs)), expected)
    sounds = [load_audio(path, captioner.spec.sample_rate)[0] for path in wavs]
    length = tf.constant([len(sound) for sound in sounds])
    # Samples beyond the length must not matter: TF Serving pads with the first sample of a clip.
    waveform = tf.ragged.stack(sounds).to_tensor(0.5)
    together = loaded.signatures["serving_default"](waveform=waveform, length=length)
    assert_same(together, expected)
    for row, sound in enumerate(sounds):
        alone = loaded.caption_waveform(sound[tf.newaxis], length[row : row + 1])
        assert_same(alone, expected[row : row + 1])
        steps = alone["attention"].shape[2]
        np.testing.assert_allclose(together["attention"][row, :, :steps], alone["attention"][0], rtol=0, atol=1e-5)
        assert not np.any(together["attention"][row, :, steps:])


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_are_consistent(small_runs, kind, wavs):
    captioner, loaded = small_runs[kind].captioner, small_runs[kind].loaded
    outputs = loaded.signatures["caption_wav"](contents(wavs))
    tokens, attention = outputs["tokens"].numpy(), outputs["attention"].numpy()
    assert [captioner.tokenizer.detokenize(row) for row in tokens] == list(outputs["caption"].numpy())
    assert attention.shape == (*tokens.shape, len(outputs["step_seconds"]))
    ends = (tokens == captioner.tokenizer.end_id).argmax(axis=1)
    for row, end in zip(attention, ends):
        np.testing.assert_allclose(row[: end + 1].sum(axis=1), 1, atol=1e-5)
        assert not row[end + 1 :].any()
    seconds = outputs["step_seconds"].numpy()
    first, step = STEPS[kind]
    np.testing.assert_allclose(seconds, first + step * np.arange(len(seconds)), atol=1e-5)
    longest = max(len(sound) / rate for sound, rate in map(load_audio, wavs))
    assert abs(longest - seconds[-1]) < 2 * step


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.parametrize("beam_size", [1, 3])
def test_yamnet_on_recordings(real_data, beam_size, tmp_path, monkeypatch):
    monkeypatch.setenv("AAC_TF_CACHE", str(tmp_path / "cache"))
    weights = real_data / "yamnet" / "yamnet_bn_folded.npz"
    run = write_run(tmp_path / "run", ["embedding.kind=yamnet", f"embedding.source={weights}"])
    version = export_saved_model(Captioner.load(run), tmp_path / "model", beam_size)
    recordings = sorted((real_data / "yamnet").glob("*.wav"))
    outputs = tf.saved_model.load(os.fspath(version)).signatures["caption_wav"](contents(recordings))
    assert_same(outputs, Captioner.load(run).caption(recordings, beam_size))
    first, step = STEPS["AST"]
    seconds = outputs["step_seconds"].numpy()
    np.testing.assert_allclose(seconds, first + step * np.arange(len(seconds)), atol=1e-5)


def test_signatures_without_attention_return_the_same_text(one_loaded, wavs):
    full = one_loaded.signatures["caption_wav"](contents(wavs))
    text = one_loaded.signatures["wav_to_text"](contents(wavs))
    assert set(full) - set(text) == {"attention", "step_seconds"}
    # TF Serving's batching splits all outputs by rows.
    assert all(value.shape[0] == len(wavs) for value in text.values())
    for name, value in text.items():
        np.testing.assert_array_equal(value, full[name])


def test_each_row_may_have_its_own_style(small_runs, wavs):
    captioner, loaded = small_runs["styles"].captioner, small_runs["styles"].loaded
    styles = ["clotho", "audiocaps", "none", "", "clotho"]
    expected = captioner.caption(wavs, style=[style or None for style in styles])
    assert_same(
        loaded.signatures["wav_to_text_in_style"](wav_bytes=contents(wavs), style=tf.constant(styles)), expected
    )
    sounds = [load_audio(path, 16000)[0] for path in wavs]
    inputs = {"waveform": tf.ragged.stack(sounds).to_tensor(), "length": tf.constant([len(sound) for sound in sounds])}
    in_style = loaded.signatures["waveform_to_text_in_style"]
    assert_same(in_style(**inputs, style=tf.constant(styles)), expected)
    assert_same(loaded.signatures["serving_default"](**inputs), captioner.caption(wavs, style="audiocaps"))
    outputs = in_style(**inputs, style=tf.constant(["macs", *styles[1:]]))
    assert outputs["status"][0].numpy() == b"no style macs: there are audiocaps, clotho, none"
    assert outputs["caption"][0].numpy() == b""
    assert_same({name: value[1:] for name, value in outputs.items()}, expected[1:])
    about = json.loads((small_runs["styles"].model / "assets.extra" / "model.json").read_text())
    assert (about["styles"], about["style"]) == (["audiocaps", "clotho"], "audiocaps")


def test_greedy_search(one_captioner, wavs, tmp_path):
    version = export_saved_model(one_captioner, tmp_path, beam_size=1)
    outputs = tf.saved_model.load(os.fspath(version)).signatures["caption_wav"](contents(wavs))
    assert outputs["log_probs"].shape == (len(wavs), 1)
    assert_same(outputs, one_captioner.caption(wavs, beam_size=1))


def test_bad_files_do_not_affect_the_others(one_loaded, wavs, expected):
    caption_wav = one_loaded.signatures["caption_wav"]
    good = [path.read_bytes() for path in wavs]
    silent = good[1][:44] + bytes(len(good[1]) - 44)
    bad = [b"", b"RIFF....WAVE", good[1][:-999], b"fLaC" + bytes(99), silent, good[1][:48]]
    order = [bad[0], good[0], bad[1], good[1], bad[2], bad[3], good[2], bad[4], good[3], good[4]]
    outputs = caption_wav(tf.constant(order))
    are_good = np.array([item in good for item in order])
    assert_same({name: value[are_good] for name, value in outputs.items() if name != "step_seconds"}, expected)
    status = [text.decode() for text in outputs["status"].numpy()[~are_good]]
    assert status == [
        "not a WAV file",
        "damaged WAV file: it has no fmt chunk",
        status[2],
        "not a WAV file",
        "silent: every sample is zero",
    ]
    assert status[2].startswith("truncated")
    for name, nothing in (("captions", b""), ("attention", 0), ("log_probs", tf.float32.min)):
        assert np.all(outputs[name].numpy()[~are_good] == nothing)
    nothing_good = caption_wav(tf.constant(bad))
    assert all(nothing_good["status"].numpy())
    assert not any(nothing_good["caption"].numpy())


def test_bad_waveforms_do_not_affect_the_others(one_loaded):
    run = one_loaded.signatures["serving_default"]
    sound = np.random.default_rng(0).normal(size=8000).astype(np.float32)
    broken = np.where(np.arange(8000) == 5000, np.nan, sound).astype(np.float32)
    waveform = tf.constant([sound, broken, broken, sound, sound])
    outputs = run(waveform=waveform, length=tf.constant([8000, 8000, 5000, 0, 8001]))
    assert [text.decode() for text in outputs["status"].numpy()] == [
        "",
        "NaN or infinite samples",
        "",
        "length 0: a clip has at least one sample",
        "length 8001 is more than the 8000 samples of the waveform",
    ]
    alone = run(waveform=waveform[:1], length=tf.constant([8000]))
    np.testing.assert_allclose(outputs["log_probs"][0], alone["log_probs"][0], rtol=0, atol=1e-4)
    assert np.all(np.isfinite(outputs["log_probs"]))


def test_every_door_gives_the_same_reason(one_captioner, one_loaded, tmp_path):
    rate = one_captioner.spec.sample_rate
    sound = np.random.default_rng(0).normal(0, 0.1, rate).astype(np.float32)
    sounds = {
        "silence": np.zeros(rate, np.float32),
        "short": sound[: rate // 20 - 1],
        "NaN": np.where(np.arange(rate) == 9, np.nan, sound),
        "beyond": np.where(np.arange(rate) == 9, 1e30, sound).astype(np.float32),
    }
    for name, bad in sounds.items():
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, bad, rate, subtype="FLOAT")
        reasons = {error.reason for error in one_captioner.caption_each([bad, path])}
        padded = np.zeros([2, rate], np.float32)
        padded[0, : len(bad)], padded[1] = bad, sound
        outputs = one_loaded.signatures["waveform_to_text"](
            waveform=tf.constant(padded), length=tf.constant([len(bad), rate])
        )
        reasons.add(outputs["status"][0].numpy().decode())
        assert outputs["status"][1] == b""
        assert np.isfinite(outputs["log_probs"]).all()
        reasons.add(one_loaded.signatures["wav_to_text"](contents([path]))["status"][0].numpy().decode())
        assert len(reasons) == 1, reasons
        assert "" not in reasons


def test_clips_far_above_full_scale_are_scaled_down(one_captioner, one_loaded, caplog):
    sound = 300 * np.random.default_rng(0).normal(0, 1, 16000).astype(np.float32)
    outputs = one_loaded.signatures["serving_default"](waveform=sound[np.newaxis], length=tf.constant([16000]))
    assert_same(outputs, one_captioner.caption(sound))
    assert "scaled down" in caplog.text


def test_the_shortest_and_a_long_clip(one_captioner, one_loaded):
    run = one_loaded.signatures["serving_default"]
    rng = np.random.default_rng(0)
    # The spectrogram of the long clip is computed in parts.
    for samples in (800, 300 * one_captioner.spec.sample_rate):
        sound = rng.normal(0, 0.1, samples).astype(np.float32)
        outputs = run(waveform=sound[np.newaxis], length=tf.constant([samples]))
        assert_same(outputs, one_captioner.caption([sound]))


@pytest.mark.parametrize("kind", ["attention", "fixed vector", "AST", TRANSFORMER])
def test_the_graph_has_only_core_operations_and_no_paths(small_runs, kind, plain_tensorflow):
    model = small_runs[kind].model
    meta = saved_model_pb2.SavedModel.FromString((model / "saved_model.pb").read_bytes()).meta_graphs[0]
    assert sorted(meta.signature_def) == [
        "__saved_model_init_op",
        "caption_wav",
        "serving_default",
        "timeline",
        "wav_to_text",
        "waveform_to_text",
    ]
    library = meta.graph_def.library.function
    nodes = [*meta.graph_def.node, *(node for function in library for node in function.node_def)]
    functions = {function.signature.name for function in library}
    operations = sorted({node.op for node in nodes} - functions)
    assert not [name for name in operations if "PyFunc" in name]
    # Operations that exist when only tensorflow is imported.
    code = """
import json, sys, tensorflow as tf
from tensorflow.python.framework import op_def_registry
print(json.dumps([name for name in json.loads(sys.argv[1]) if op_def_registry.get(name) is None]))
"""
    assert plain_tensorflow(code, json.dumps(operations)) == []
    assert [asset.filename for asset in meta.asset_file_def] == ["vocabulary.txt"]
    for path in model.rglob("*"):
        text = path.read_bytes() if path.is_file() else b""
        for folder in (model.parents[1], pathlib.Path(__file__).parents[2], pathlib.Path.home()):
            assert os.fsencode(folder) + b"/" not in text, path


def test_the_model_runs_without_this_package(one_model, wavs, expected, plain_tensorflow):
    code = """
import json, sys, tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
outputs = model.signatures["caption_wav"](tf.constant([open(path, "rb").read() for path in sys.argv[2:]]))
print(json.dumps([[text.decode() for text in outputs["caption"].numpy()], outputs["log_probs"].numpy()[:, 0].tolist()]))
"""
    texts, log_probs = plain_tensorflow(code, one_model, *wavs)
    assert texts == [caption.text for caption in expected]
    np.testing.assert_allclose(log_probs, [caption.log_prob for caption in expected], rtol=0, atol=1e-4)


def test_c_api(one_model, wavs, expected, tmp_path):
    script = pathlib.Path(__file__).with_name("c_api.py")
    (tmp_path / "bad.wav").write_bytes(b"bad")
    command = [sys.executable, script, one_model, *wavs, tmp_path / "bad.wav"]
    answer = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    assert answer["imported"] == []
    assert answer["caption"] == [*(caption.text for caption in expected), ""]
    assert answer["status"] == [*("" for _ in wavs), "not a WAV file"]
    log_probs = [row[0] for row in answer["log_probs"][: len(wavs)]]
    np.testing.assert_allclose(log_probs, [caption.log_prob for caption in expected], rtol=0, atol=1e-4)


@pytest.mark.slow
def test_saved_model_cli(one_captioner, one_model, tmp_path):
    sound = np.sin(np.arange(16000, dtype=np.float32))
    np.savez(tmp_path / "in.npz", waveform=sound[np.newaxis], length=np.array([len(sound)], np.int32))
    command = [sys.executable, "-m", "tensorflow.python.tools.saved_model_cli", "run", "--dir", one_model]
    command += ["--tag_set", "serve", "--signature_def", "serving_default"]
    command += ["--inputs", f"waveform={tmp_path / 'in.npz'}[waveform];length={tmp_path / 'in.npz'}[length]"]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    (caption,) = one_captioner.caption([sound])
    assert f"[b'{caption.text}']" in done.stdout


@pytest.mark.slow
def test_the_model_works_inside_another_keras_model(one_model, one_loaded, wavs, expected):
    wav_bytes = tf.keras.Input([], dtype=tf.string)
    layer = hub.KerasLayer(os.fspath(one_model), signature="caption_wav", signature_outputs_as_dict=True)
    shout = tf.keras.layers.Lambda(tf.strings.upper)
    keras_model = tf.keras.Model(wav_bytes, shout(layer(wav_bytes)["caption"]))
    texts = [caption.text.upper().encode() for caption in expected]
    assert list(keras_model.predict(contents(wavs), verbose=0)) == texts

    class Shout(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.captioner = one_loaded

        def call(self, wav_bytes):
            return tf.strings.upper(self.captioner.caption_wav(wav_bytes)["caption"])

    assert list(Shout().predict(contents(wavs), verbose=0)) == texts


def test_warm_up_requests_are_valid(one_model, one_loaded):
    """As a server does, sends each request in the file to the signature that it names."""
    signatures = one_loaded.signatures
    records = tf.data.TFRecordDataset(os.fspath(one_model / "assets.extra" / "tf_serving_warmup_requests"))
    names = []
    for record in records.as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        inputs = {name: tf.constant(tf.make_ndarray(value)) for name, value in request.inputs.items()}
        names.append(request.model_spec.signature_name)
        outputs = signatures[names[-1]](**inputs)
        # A server that batches rejects other shapes, and a model whose warm-up fails.
        assert {value.shape[0] for value in outputs.values()} == {1}
        # The requests whose outputs have one step are too short for a caption.
        too_short = names[-1] in ("caption_wav", "serving_default")
        assert outputs["status"].numpy() == [b"shorter than 0.05 s" if too_short else b""]
    assert sorted(names) == sorted(signatures)


def test_new_lengths_do_not_retrace(one_loaded):
    caption = one_loaded.caption_waveform
    caption(tf.ones([1, 100]), tf.constant([100]))
    before = caption.experimental_get_tracing_count()
    for samples in (400, 8000, 12000):
        for batch in (1, 3):
            caption(tf.ones([batch, samples]), tf.fill([batch], samples))
    assert caption.experimental_get_tracing_count() == before


def test_versions(one_run, tmp_path, capsys):
    models = tmp_path / "models"
    (models / "7").mkdir(parents=True)
    (models / "notes").mkdir()
    arguments = ["--run", str(one_run.folder), "--output", str(models)]
    assert export_command.main(arguments) == 0
    assert capsys.readouterr().out == f"{models / '8'}\n"
    assert export_command.main([*arguments, "--beam", "1", "--json"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert (written["path"], written["version"], written["beam_size"]) == (str(models / "9"), 9, 1)
    assert written["sample_rate"] == 16000
    # No temporary folder is left, and a server that runs as another user can read the versions.
    assert {path.name for path in models.iterdir()} == {"7", "8", "9", "notes"}
    assert (models / "8").stat().st_mode & 0o777 == models.stat().st_mode & 0o777


def test_errors_of_the_export_command(one_run, tmp_path, capsys):
    assert export_command.main(["--run", str(tmp_path), "--output", str(tmp_path / "m")]) == 2
    assert "not a run folder" in capsys.readouterr().err
    assert export_command.main(["--run", str(one_run.folder), "--output", str(tmp_path / "m"), "--beam", "0"]) == 2
    assert "at least 1" in capsys.readouterr().err
    assert not (tmp_path / "m").exists()
    (tmp_path / "file").write_text("")
    assert export_command.main(["--run", str(one_run.folder), "--output", str(tmp_path / "file")]) == 2


def test_signatures_without_attention_do_not_compute_it(one_loaded):
    def functions(name):
        graph = one_loaded.signatures[name].graph.as_graph_def()
        library = {function.signature.name: function.node_def for function in graph.library.function}
        reached, nodes = set(), list(graph.node)
        while nodes:
            for value in nodes.pop().attr.values():
                if value.func.name and value.func.name not in reached:
                    reached.add(value.func.name)
                    nodes.extend(library[value.func.name])
        return reached

    for full, short in (("serving_default", "waveform_to_text"), ("caption_wav", "wav_to_text")):
        assert any("explain" in name for name in functions(full))
        assert not any("explain" in name for name in functions(short))


def test_the_example_program_says_which_files_it_cannot_caption(one_model, tmp_path):
    soundfile.write(tmp_path / "noise.wav", np.random.default_rng(0).normal(0, 0.1, 16000), 16000)
    (tmp_path / "text.wav").write_text("no sound")
    program = pathlib.Path(__file__).parents[2] / "examples" / "caption.py"
    done = subprocess.run(
        [sys.executable, program, pathlib.Path(one_model).resolve(), "text.wav", "noise.wav"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert lines[:2] == ["text.wav: not a WAV file", "noise.wav"]
    assert len(lines) > 2
