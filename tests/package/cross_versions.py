"""Exchanges run folders, SavedModels and LiteRT files between two Pythons with different releases of TensorFlow.

    python tests/package/cross_versions.py .venv-3.11/bin/python .venv-3.13/bin/python

Each Python writes runs with random weights and exports them. Then each one captions the same sounds with the files of
both. Each Python also trains a run for two epochs, which both resume for two more. The script prints a line per file or
epoch, and fails if a caption differs, a log-probability by more than 1e-3, or a loss by more than 1e-3 of its value.
"""

import argparse
import csv
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORDS = ["a", "dog", "cat", "bell", "rain", "siren", "barks", "meows", "rings", "falls", "and", "then", "loudly"]
SMALL = ["encoder.units=12", "decoder.units=12", "vocabulary.max_words=8"]
ATTENTION = ["decoder.embedding=6", "decoder.attention_units=6"]
RUNS = {
    "lstm": [*ATTENTION, "audio.sample_rate=16000", "audio.normalize=true"],
    "gru": ["encoder.cell=gru", "encoder.subsampling=2", "decoder.kind=fixed_vector", "audio.sample_rate=16000"],
    "ast": [*ATTENTION, "embedding.kind=ast", f"embedding.source={ROOT / 'tests/embeddings/fixtures/ast/audioset'}"],
}
TOLERANCE = 1e-3
TRAINING = [*(ROOT / "tests" / "training" / "small.txt").read_text().split(), "training.batch_size=4"]


def make_sounds():
    """Chirps with noise at 16 kHz of 0.7 to 3 s."""
    import numpy as np

    sounds = []
    for seed, seconds in enumerate([0.7, 1.0, 1.0, 3.0]):
        rng, time = np.random.default_rng(seed), np.arange(int(16000 * seconds)) / 16000
        low, high = rng.uniform(200, 3000, 2)
        chirp = np.sin(2 * np.pi * (low * time + high * time**2 / 4))
        sounds.append((0.4 * chirp + 0.05 * rng.normal(size=len(time))).astype(np.float32))
    return sounds


def write(folder):
    """Writes each kind of run and its exports into `folder`."""
    import numpy as np
    import tensorflow as tf

    from aac_tf import Captioner
    from aac_tf.build import build_frozen_encoder, build_model
    from aac_tf.config import load_config
    from aac_tf.export.lite import export_lite
    from aac_tf.export.saved_model import export_saved_model
    from aac_tf.runs.run import Run
    from aac_tf.text import WordTokenizer

    for kind, overrides in RUNS.items():
        tf.keras.utils.set_random_seed(1)
        config = load_config(None, [*SMALL, *overrides])
        tokenizer = WordTokenizer(["<PAD>", "<START>", "<END>", "<UNK>", *WORDS], max_words=8)
        normalization = (np.full(64, -5.0), np.full(64, 4.0)) if config.audio.normalize else None
        model = build_model(config, tokenizer.vocabulary_size(), normalization, build_frozen_encoder(config))
        for weight in model.trainable_weights:
            # Otherwise all words have about the same probability, and rounding errors decide between them.
            weight.assign(weight * 4.0)
        run = Run(folder / kind / "run")
        run.create(config, tokenizer, normalization)
        run.best.mkdir(parents=True)
        tf.train.CheckpointManager(tf.train.Checkpoint(model=model), str(run.best), max_to_keep=1).save()
        captioner = Captioner.load(run.folder)
        export_saved_model(captioner, folder / kind / "saved_model")
        for quantize, name in [(False, "float.tflite"), (True, "quantized.tflite")]:
            export_lite(captioner, folder / kind / name, quantize=quantize)


def read(folder):
    """Returns `{file: [[caption, log-probability]]}` for everything that `write` wrote into `folder`."""
    import tensorflow as tf

    from aac_tf import Captioner

    found, sounds = {}, make_sounds()
    for kind in RUNS:
        captioner = Captioner.load(folder / kind / "run")
        for size in (1, 3):
            captions = captioner.caption(sounds, beam_size=size)
            found[f"{kind}/run, beam_size={size}"] = [[caption.text, caption.log_prob] for caption in captions]
        (version,) = (folder / kind / "saved_model").iterdir()
        serve = tf.saved_model.load(str(version)).signatures["serving_default"]
        found[f"{kind}/saved_model"] = []
        for sound in sounds:
            named = serve(waveform=tf.constant(sound[tf.newaxis]), length=tf.constant([len(sound)]))
            result = [named["captions"][0, 0].numpy().decode(), float(named["log_probs"][0, 0])]
            found[f"{kind}/saved_model"].append(result)
        for name in ("float.tflite", "quantized.tflite"):
            runner = tf.lite.Interpreter(str(folder / kind / name)).get_signature_runner()
            found[f"{kind}/{name}"] = []
            for sound in sounds:
                result = runner(waveform=sound)
                text = captioner.tokenizer.detokenize(result["tokens"]).numpy().decode()
                found[f"{kind}/{name}"].append([text, float(result["log_prob"])])
    return found


def train(folder):
    """Trains a run for two epochs on scenes that it composes."""
    from aac_tf.cli.train import main

    (folder / "trained").mkdir(parents=True)
    (folder / "trained" / "small.yaml").write_text("name: small\n")
    config = ["--config", str(folder / "trained" / "small.yaml"), f"data.root={folder / 'trained' / 'scenes'}"]
    return main([*config, "--run", str(folder / "trained" / "run"), *TRAINING, "training.epochs=2"])


def resume(folder):
    """Resumes a copy of that run for two more epochs; returns `{loss and epoch: value}` of all four."""
    from aac_tf.cli.train import main

    with tempfile.TemporaryDirectory() as temporary:
        copy = pathlib.Path(temporary) / "run"
        shutil.copytree(folder / "trained" / "run", copy)
        if main(["--run", str(copy), "--resume", "training.epochs=4"]):
            raise SystemExit(f"{copy} could not be resumed")
        with open(copy / "history.csv", newline="") as file:
            rows = list(csv.DictReader(file))
    return {f"{name} of epoch {row['epoch']}": float(row[name]) for row in rows for name in ("loss", "val_loss")}


TASKS = {task.__name__: task for task in (write, read, train, resume)}


def run_in(python, task, folder):
    """Runs a task of this script with another Python and returns what it prints in its last line, from JSON."""
    command = [python, __file__, "--task", task, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def compare(pythons):
    """Prints a line per file; returns how many differ."""
    faults = 0
    with tempfile.TemporaryDirectory() as temporary:
        for number, writer in enumerate(pythons):
            folder = pathlib.Path(temporary) / str(number)
            run_in(writer, "write", folder)
            first, second = (run_in(reader, "read", folder) for reader in pythons)
            for name, captions in first.items():
                others = second[name]
                same = [text for text, _ in captions] == [text for text, _ in others]
                apart = max(abs(one - other) for (_, one), (_, other) in zip(captions, others))
                fault = not same or apart > TOLERANCE
                faults += fault
                print(f"{'DIFFERENT' if fault else 'same':9}  {apart:.1e}  {name}, written by {writer}")
            run_in(writer, "train", folder)
            first, second = (run_in(reader, "resume", folder) for reader in pythons)
            for name, loss in first.items():
                apart = abs(loss - second[name]) / abs(loss)
                fault = not apart <= TOLERANCE
                faults += fault
                print(f"{'DIFFERENT' if fault else 'same':9}  {apart:.1e}  {name}, started by {writer}")
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pythons", nargs="+", metavar="PYTHON", help="two Python executables")
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.task is None:
        if len(arguments.pythons) != 2:
            parser.error("give two Python executables")
        return min(compare(arguments.pythons), 1)
    sys.path.insert(0, str(ROOT))
    import aac_tf  # noqa: F401 - selects the Keras before TensorFlow is imported

    folder = pathlib.Path(arguments.pythons[0])
    print("\n" + json.dumps(TASKS[arguments.task](folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
