"""Growth of time and memory with the length of a file, the vocabulary, the beam, and the number of training clips.

    python benchmarks/growth.py [--format flac] embedding.source=yamnet.h5
    python benchmarks/growth.py --configs clotho_yamnet everyday --vocabularies 1000 5000 20000
    python benchmarks/growth.py --configs clotho_yamnet everyday --beams 1 3 10
    python benchmarks/growth.py --scenes 100 1000 10000

Each row is measured in a process of its own, for its own peak of resident memory. A model with random weights captions
a 44.1 kHz file of noise, from file to words, after a short file that compiles it. A search finds captions of 20 words
for 62 random embeddings, as many as YAMNet has in 30 s; the vocabulary has 4,367 words and the beam 3 hypotheses unless
they vary. The measured epoch is the second one of training the demo model (M = 8) on scenes of 2 to 3 s that are read
from files; the first one compiles. Below a table stand the exponents e of time ~ size^e that fit its rows best.
"""

import argparse
import csv
import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

SECONDS = [10, 30, 60, 300, 600, 1800, 3600]
CONFIGS = ["clotho_logmel", "dcase2020", "clotho_yamnet"]
RATE = 44100
VOCABULARY, BEAM, WORDS, STEPS, WIDTH, CALLS = 4367, 3, 20, 62, 1024, 30


def peak():
    """Peak of the resident memory of this process, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def write_noise(path, seconds):
    """Writes a mono file of noise in the format of its suffix."""
    import numpy as np
    import soundfile

    random = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", RATE, 1) as file:
        for _ in range(seconds):  # libsndfile's Vorbis encoder fails for a minute at once
            file.write(0.1 * random.standard_normal(RATE).astype("f4"))


def caption(config, overrides, seconds, suffix):
    """Captions one file; returns a dict of its seconds, and of the memory before and its peak in MB."""
    from serving import make_captioner

    from aac_tf.config import load_config

    captioner = make_captioner(load_config(config, overrides))
    with tempfile.TemporaryDirectory() as folder:
        short, long = (str(pathlib.Path(folder) / name) for name in (f"short.{suffix}", f"long.{suffix}"))
        write_noise(short, 2)
        write_noise(long, seconds)
        captioner.caption([short])
        before, began = peak(), time.perf_counter()
        captioner.caption([long])
        return {"seconds": time.perf_counter() - began, "before": before, "peak": peak()}


def search(config, vocabulary, beam):
    """Times a search; returns a dict of its milliseconds, the median of the calls, and of the peak of memory in MB."""
    import numpy as np

    from aac_tf.build import build_model
    from aac_tf.config import load_config
    from aac_tf.decoding import Beam, Rules

    import tensorflow as tf  # isort: skip

    model, find = build_model(load_config(config), vocabulary, bins=WIDTH), Beam(beam)

    # For all sizes, as a captioner compiles it.
    @tf.function(input_signature=[tf.TensorSpec([None, None, WIDTH]), tf.TensorSpec([None], tf.int32)])
    def run(features, length):
        # No caption ends before its last word.
        rules = Rules(tf.ones_like(length), 2, WORDS, min_words=WORDS)
        return model.find(find, rules, *model.encode(features, length), WORDS)

    sound, times = (tf.random.stateless_normal([1, STEPS, WIDTH], [1, 2]), tf.constant([STEPS])), []
    for _ in range(CALLS + 5):
        began = time.perf_counter()
        run(*sound).tokens.numpy()
        times.append(time.perf_counter() - began)
    return {"ms": 1000 * float(np.median(times[5:])), "peak": peak()}


def vocabulary(config, overrides, size, _):
    """See `search`."""
    return search(config, size, BEAM)


def beam(config, overrides, size, _):
    """See `search`."""
    return search(config, VOCABULARY, size)


def epoch(config, overrides, scenes, _):
    """Trains for two epochs; returns a dict of the seconds of the second one, and of the peak of memory in MB."""
    command = [f"scenes.train={scenes}", "scenes.validation=20", "scenes.test=1", "scenes.min_seconds=2"]
    command += ["scenes.max_seconds=3", "data.cache=none", "encoder.subsampling=8", "training.epochs=2", *overrides]
    from aac_tf.cli.train import main

    with tempfile.TemporaryDirectory() as folder:
        run = pathlib.Path(folder) / "run"
        status = main(["--config", config, "--run", str(run), f"data.root={folder}/scenes", *command])
        if status:
            raise SystemExit(status)
        with open(run / "history.csv", newline="", encoding="utf-8") as rows:
            return {"seconds": float(list(csv.DictReader(rows))[-1]["seconds"]), "peak": peak()}


def in_process(*arguments):
    """Runs one of the functions above in a new process and returns its result."""
    command = [sys.executable, __file__, "--one", *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def print_exponent(name, sizes, times):
    """Prints the exponent of a power of the size that fits the times best."""
    import numpy as np

    if len(sizes) > 1:
        print(f"{name}: time ~ size^{np.polyfit(np.log(sizes), np.log(times), 1)[0]:.2f}", flush=True)


def print_searches(what, configs, sizes):
    """Prints how the time of a search grows with its vocabulary or its beam."""
    print(f"| model | {what} | ms | peak, MB |\n| --- | ---: | ---: | ---: |")
    for config in configs:
        times = []
        for size in sizes:
            found = in_process(what, config, size)
            print(f"| {pathlib.Path(config).stem} | {size} | {found['ms']:.1f} | {found['peak']:.0f} |", flush=True)
            times.append(found["ms"])
        print_exponent(config, sizes, times)


def main():
    """Runs the benchmark and prints its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configs", nargs="+", default=CONFIGS)
    parser.add_argument("--seconds", type=int, nargs="+", default=SECONDS)
    parser.add_argument(
        "--format", choices=["wav", "flac", "ogg", "mp3"], default="wav", help="format of the file to caption"
    )
    parser.add_argument(
        "--scenes", type=int, nargs="+", help="measure epochs with these numbers of scenes instead of captioning"
    )
    parser.add_argument(
        "--vocabularies", type=int, nargs="+", help="measure searches with these numbers of words instead"
    )
    parser.add_argument("--beams", type=int, nargs="+", help="measure searches with these beams instead")
    parser.add_argument("--one", nargs=3, metavar=("WHAT", "CONFIG", "SIZE"), help=argparse.SUPPRESS)
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    options = parser.parse_intermixed_args()
    if options.one:
        what, config, size = options.one
        run = {"caption": caption, "epoch": epoch, "vocabulary": vocabulary, "beam": beam}[what]
        print(json.dumps(run(config, options.overrides, int(size), options.format)))
    elif options.vocabularies or options.beams:
        if options.vocabularies:
            print_searches("vocabulary", options.configs, options.vocabularies)
        if options.beams:
            print_searches("beam", options.configs, options.beams)
    elif options.scenes:
        times = []
        print("| scenes | epoch, s | ms/scene | peak, MB |\n| ---: | ---: | ---: | ---: |")
        for scenes in options.scenes:
            found = in_process("epoch", "demo", scenes, *options.overrides)
            times.append(found["seconds"])
            each = 1000 * found["seconds"] / scenes
            print(f"| {scenes} | {found['seconds']:.1f} | {each:.1f} | {found['peak']:.0f} |", flush=True)
        print_exponent("epoch", options.scenes, times)
    else:
        from aac_tf.config import load_config

        print("| model | file, s | time, s | ms/s | memory before, MB | peak, MB |\n| --- |" + " ---: |" * 5)
        for config in options.configs:
            # Models without a frozen encoder have none of its keys.
            frozen = load_config(config).embedding.kind != "none"
            own = [key for key in options.overrides if frozen or not key.startswith("embedding.")]
            times = []
            for seconds in options.seconds:
                found = in_process("caption", config, seconds, "--format", options.format, *own)
                times.append(found["seconds"])
                values = (found["seconds"], 1000 * found["seconds"] / seconds, found["before"], found["peak"])
                row = "| {} | {} | {:.2f} | {:.1f} | {:.0f} | {:.0f} |"
                print(row.format(pathlib.Path(config).stem, seconds, *values), flush=True)
            print_exponent(config, options.seconds, times)


if __name__ == "__main__":
    main()
