"""Refused commands say what is wrong before TensorFlow, which takes seconds, is imported, and write nothing."""

import json
import os
import subprocess
import sys

import pytest

# Runs each command that it reads, as a line [command, arguments], in a fork of a process that has imported all
# commands, and prints its exit code, messages and output, and whether it imported TensorFlow; null if it crashed.
SERVER = """
import contextlib, importlib, io, json, os, sys, traceback
for name in sys.argv[1:]:
    importlib.import_module(f"aac_tf.cli.{name}")
for line in sys.stdin:
    command, arguments = json.loads(line)
    child = os.fork()
    if child:
        if os.waitpid(child, 0)[1]:
            print("null", flush=True)
        continue
    messages, output = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stderr(messages), contextlib.redirect_stdout(output):
            code = importlib.import_module(f"aac_tf.cli.{command}").main(arguments)
    except BaseException:
        code = traceback.format_exc()
    print(json.dumps([code, messages.getvalue(), output.getvalue(), "tensorflow" in sys.modules]), flush=True)
    os._exit(0)
"""
MANIFEST = ["data.source=manifest", "data.root=my.csv"]
REFUSED = {
    "train": [
        ([], "give a config with --config"),
        (["clotho_logmel.yaml"], "write --config clotho_logmel.yaml"),
        (["--config", "none.yaml"], "none.yaml"),
        (["--config", "demo", "training.epoch=3"], "training.epoch"),
        (["--config", "clotho_logmel"], "data.root is not set"),
        (["--config", "clotho_logmel", "data.root=none"], "the folder none does not exist"),
        (["--config", "clotho_logmel", "data.root=none", "--describe"], "the folder none does not exist"),
        (["--config", "clotho_logmel", *MANIFEST], "has no usable clip"),
        (["--config", "clotho_logmel", *MANIFEST, "training.initial=none"], "none is not a run folder, nor a preset"),
        (["--config", "demo", "data.root=new", "scenes.scripts=clotho=none.csv"], "none.csv is no file"),
        (["--config", "demo", "data.root=new", "scenes.bank=none"], "none is not a folder"),
        (["--config", "demo", "--run", "run"], "already holds a run"),
        (["--config", "demo", "data.root=new", "--describe"], "new holds no scenes yet: training composes them"),
        (["--run", "none", "--resume"], "none is not a run folder"),
        (["--run", "run", "--resume", "encoder.units=3"], "encoder.units"),
    ],
    "evaluate": [
        (["--run", "none"], "none is not a run folder"),
        (["--run", "untrained"], "has no trained weights yet"),
        (["--run", "run", "encoder.units=3"], "cannot be changed after training"),
        (["--run", "run", *MANIFEST], "has no test split; it has train"),
        (["--run", "run", "--output", "my.csv", *MANIFEST], "my.csv is a file"),
        (["--predictions", "none.csv", "--references", "my.csv"], "cannot read none.csv"),
        (["--run", "run", *MANIFEST, "--versus", "none.csv"], "cannot read none.csv"),
        (["--run", "run", "--show", "-1"], "--show must be at least 0, got -1"),
    ],
    "caption": [
        (["--run", "none", "a.wav"], "none is not a run folder"),
        (["--run", "hf://none", "a.wav"], "expected hf://USER/REPO"),
        (["--run", "https://[", "a.wav"], "https://["),
        (["--run", "http://localhost/a.zip", "a.wav"], "http:// is not protected"),
        (["--run", "run", "--search", "beams", "a.wav"], "decoding.kind takes"),
        (["--run", "run", "--beam", "0", "a.wav"], "--beam must be at least 1 and at most 1000, got 0"),
        (["--run", "run", "--beam", "1000000000", "a.wav"], "--beam must be at least 1 and at most 1000"),
        (["--run", "run", "--search", "beam,beam_size=1000000000", "a.wav"], "decoding.beam_size must be at least 1"),
        (["--run", "run", "--search", "sample,samples=1000000000", "a.wav"], "decoding.samples must be at least 1"),
        (["--run", "run", "--rerank", "none", "a.wav"], "none is not a run folder"),
        (["--run", "run", "--run", "untrained", "a.wav"], "untrained has no trained weights yet"),
        (["--run", "run", "--words", "dog", "a.wav"], "need --attention"),
        (["--run", "run", "--attention", "run", "a.wav"], "is a folder"),
        (["--run", "run", "--attention", "x.foo", "a.wav"], "expected the name of a picture, such as attention.png"),
        (["--run", "run", "--style", "clotoh", "a.wav"], "no style 'clotoh': it knows clotho, none"),
        (["--run", "run", "--forbid", "barking", "a.wav"], "does not know the word `barking`; similar words"),
        (["--run", "run", "--min-words", "30", "a.wav"], "min_words=30 is more than the maximum of 20"),
        (["--run", "run", "--max-words", "30", "a.wav"], "trained for at most 20 words"),
        (["--run", "run", "--no-repeat-ngram", "1000000000", "a.wav"], "captions have at most 20 words"),
        (["--run", "run", "foo=bar", "a.wav"], "foo=bar is neither a file nor section.key=value"),
    ],
    "demo": [
        (["--run", "none"], "none is not a run folder"),
        (["--beam", "0"], "--beam must be at least 1 and at most 1000, got 0"),
        (["--run", "run", "--examples", "none"], "none is no folder with sound files"),
        (["--run", "run", "--max-seconds", "0"], "--max-seconds must be above 0, got 0"),
        (["--run", "run", "--port", "70000"], "--port must be at least 1 and at most 65535, got 70000"),
        (["--run", "run", "--host", "192.0.2.1"], "192.0.2.1 is no address of this machine"),
        (["--run", "run", "--host", "1.2.3.4.5"], "1.2.3.4.5 is no address of this machine"),
    ],
    "listen": [
        (["--run", "none"], "none is not a run folder"),
        (["--run", "run", "--device", "no such device"], "the microphone cannot be used"),
    ],
    "bank": [
        (["none", "--output", "new"], "none does not exist"),
        (["my.csv", "--output", "new"], "my.csv is a file"),
        (["model", "--output", "new"], "model has no sound files"),
        (["sounds", "--output", "model"], "model exists: choose another folder"),
        (["sounds", "--output", "new", "--threshold", "50"], "a score above 0 and up to 1; got 50"),
        (["sounds", "--output", "new", "--min-seconds", "40"], "got 40 and 30"),
        (["sounds", "--output", "new", "--derive", "--threshold", "0.5"], "--threshold is for unlabelled recordings"),
    ],
    "publish": [
        (["none", "--output", "new"], "none is not a run folder"),
        (["untrained", "--output", "new"], "has no trained weights yet"),
        (["run", "--output", "model"], "model exists: choose another folder"),
        (["run", "--output", "my.csv"], "my.csv exists: choose another folder"),
    ],
    "average": [
        (["run", "--output", "new", "--best", "0"], "--best must be at least 1, got 0"),
        (["run", "--output", "new", "--last", "-1"], "--last must be at least 1, got -1"),
    ],
    "prior": [
        (["run", "--output", "new", "--captions", "my.csv", "--weight", "nan"], "--weight must be finite, got nan"),
    ],
    "export": [
        (["--run", "none", "--output", "new"], "none is not a run folder"),
        (["--run", "run", "--output", "my.csv"], "my.csv is a file"),
        (["--run", "run", "--output", "s3://bucket/model"], "s3://bucket/model cannot be written directly"),
    ],
    "export_tflite": [
        (["--run", "run", "--output", "s3://bucket/new.tflite"], "s3://bucket/new.tflite cannot be written directly"),
        (["--run", "none", "--output", "new.tflite"], "none is not a run folder"),
        (["--run", "run", "--output", "run"], "run: expected the name of a file that ends with .tflite"),
        (["--run", "run", "--output", "new.onnx"], "new.onnx: expected the name of a file that ends with .tflite"),
        (["--run", "run", "--output", "new.tflite", "--style", "x"], "no style 'x'"),
    ],
    "caption_many": [
        (["--model", "none", "--output", "new", "a.wav"], "none holds no SavedModel"),
        (["--run", "none", "--output", "new", "a.wav"], "none is not a run folder"),
        (["--model", "model", "--output", "new", "--forbid", "dog", "a.wav"], "flags of decoding need --run"),
        (["--model", "model", "--output", "new"], "no files to caption"),
        (["--model", "model", "--output", "new", "*.wav"], "no file matches '*.wav'"),
        (["--model", "model", "--output", "new", "--list", "none.txt"], "no such list of files: none.txt"),
        (["--model", "model", "--output", "my.csv", "a.wav"], "my.csv is a file"),
        (
            ["--model", "model", "--output", "new", "--shards", "1000000000", "my.csv"],
            "--shards must be at least 1 and",
        ),
        (["--model", "model", "--output", "new", "--batch-size", "1000000000", "my.csv"], "--batch-size must be at"),
        (["--model", "model", "--output", "new", "--batch-seconds", "inf", "my.csv"], "--batch-seconds must be finite"),
        (["--model", "model", "--output", "new", "--max-seconds", "nan", "my.csv"], "--max-seconds must be finite"),
    ],
    "embed_many": [
        (["--config", "demo"], "nothing to store"),
        (["--config", "clotho_yamnet", "data.root=none"], "the folder none does not exist"),
    ],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a manifest without its sound files, a recording, a trained and an untrained run, and a model."""
    from aac_tf.config import load_config, save_config

    folder = tmp_path_factory.mktemp("refused")
    (folder / "my.csv").write_text("file_name,caption\ndog.wav,a dog barks\n")
    for name in ("run", "untrained"):
        (folder / name).mkdir()
        save_config(load_config("demo"), folder / name / "config.yaml")
        (folder / name / "vocabulary.txt").write_text("<START>\n<END>\n<STYLE:clotho>\na\ndog\nbarks\n")
    for kind in ("best", "last"):
        checkpoints = folder / "run" / "checkpoints" / kind
        checkpoints.mkdir(parents=True)
        (checkpoints / "checkpoint").write_text('model_checkpoint_path: "ckpt-1"\n')
        (checkpoints / "ckpt-1.index").touch()
    (folder / "sounds").mkdir()
    (folder / "sounds" / "a.wav").touch()
    (folder / "model" / "1").mkdir(parents=True)
    (folder / "model" / "1" / "saved_model.pb").touch()
    return folder


@pytest.fixture(scope="module")
def run_command(folder):
    """Function that runs a command in the folder, from a process without TensorFlow."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, *REFUSED],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def run(command, arguments):
        print(json.dumps([command, arguments]), file=process.stdin, flush=True)
        return json.loads(process.stdout.readline())

    with process:
        yield run
        process.stdin.close()


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [(command, *case) for command, cases in REFUSED.items() for case in cases],
)
def test_errors_come_before_tensorflow_and_leave_nothing_behind(folder, run_command, command, arguments, message):
    before = sorted(folder.rglob("*"))
    code, printed, output, imported = run_command(command, arguments)
    assert (code, output, imported) == (2, "", False), printed
    assert message in printed
    assert len(printed.splitlines()) == 1
    assert sorted(folder.rglob("*")) == before


def test_listing_the_keys_does_not_import_tensorflow(folder):
    code = "import sys; from aac_tf.cli.train import main; main(['--keys']); sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, check=False).returncode == 0
