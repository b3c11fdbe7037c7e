"""`train.py`: trains a captioner from a config."""

import contextlib
import json
import pathlib
import sys

from aac_tf.cli.console import MISUSED, make_parser, run_command


def main(arguments=None):
    """Parses and runs; returns the exit code."""
    parser = make_parser(
        ("train.py", "aac-train"),
        "Train an audio captioner from a config.",
        "train.py --config configs/clotho_logmel.yaml data.root=/data/clotho training.epochs=20",
    )
    parser.add_argument("--config", help="YAML file, see configs/")
    parser.add_argument("--run", help="folder for the run (default: runs/NAME, NAME from the config)")
    parser.add_argument("--resume", action="store_true", help="go on where the run in --run stopped")
    parser.add_argument("--describe", action="store_true", help="print layers and sizes; no recordings needed")
    parser.add_argument("--json", action="store_true", help="machine-readable output")
    parser.add_argument("--keys", action="store_true", help="list every config key with its default and meaning")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="config values, such as training.epochs=5")
    return run_command(_run, parser, arguments)


def _run(options, console):
    from aac_tf.config import describe_keys, load_config
    from aac_tf.runs.run import Run

    if options.keys:
        for key, default, about in describe_keys():
            print(f"{key}={default}\n    {about}")
        return None
    if options.config is None and not (options.resume and options.run):
        print("error: name a config with --config, or a run to go on with: --run RUN --resume", file=sys.stderr)
        return MISUSED
    if options.config is None:
        config = load_config(Run(options.run).config_path, options.overrides)
    else:
        config = load_config(options.config, options.overrides)
    if options.describe:
        return _describe(config, console, options.json)
    from aac_tf.evaluation.board import CaptionBoard
    from aac_tf.training.trainer import train

    run = Run(options.run or pathlib.Path("runs") / config.name)
    with contextlib.redirect_stdout(sys.stderr):  # where Keras' own progress belongs as well
        rows = train(config, run, options.resume, console, [CaptionBoard(run, config)])
    best = _best(config, rows)
    if options.json:
        print(json.dumps({"run": str(run.folder), "epochs": len(rows), "best": best}))
    else:
        console.show(
            f"trained: {run.folder} (best epoch {best['epoch']}, {config.training.monitor} {best['value']:.4g})"
        )
    return None


def _best(config, rows):
    monitor = config.training.monitor
    choose = max if monitor == "val_bleu" else min
    # The first of those that are equal once rounded, as the checkpoint is.
    decimals = config.training.monitor_decimals
    row = choose(
        rows, key=lambda row: float(row[monitor]) if decimals is None else round(float(row[monitor]), decimals)
    )
    return {"epoch": int(row["epoch"]), "monitor": monitor, "value": float(row[monitor])}


def _describe(config, console, as_json):
    from aac_tf.build import build_embedder, build_model, build_spec, build_tokenizer, make_scenes

    make_scenes(config, console.progress)
    vocabulary_size = build_tokenizer(config).vocabulary_size()
    model = build_model(config, vocabulary_size, embedder=build_embedder(config))
    spec = build_spec(config)
    trainable = sum(int(weight.shape.num_elements()) for weight in model.trainable_weights)
    layers = {}
    for weight in model.weights:
        name = "/".join(
            weight.name.split("/")[1:3]
        )  # after the model's own name: encoder/layer_1, decoder/embedding, ...
        layers[name] = layers.get(name, 0) + int(weight.shape.num_elements())
    description = {
        "name": config.name,
        "layers": [{"name": name, "parameters": count} for name, count in layers.items()],
        "parameters": {"total": model.count_params(), "trainable": trainable},
        "vocabulary_size": vocabulary_size,
        "encoder_steps": {
            str(seconds): model.output_length(spec.output_length(seconds * spec.sample_rate)) for seconds in (15, 30)
        },
    }
    if as_json:
        print(json.dumps(description))
        return
    print(f"{config.name}: {spec.num_bins} bins at {spec.sample_rate} Hz")
    for layer in description["layers"]:
        print(f"  {layer['name']:40} {layer['parameters']:>12,}")
    print(f"parameters       {description['parameters']['total']:,} ({trainable:,} trainable)")
    print(f"vocabulary size  {vocabulary_size:,}")
    for seconds, steps in description["encoder_steps"].items():
        print(f"encoder steps    {steps} for {seconds} s of audio")
