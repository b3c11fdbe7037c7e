"""`train.py`: trains a captioner from a config."""

import contextlib
import json
import pathlib
import sys

from aac_tf.cli.console import make_parser, print_json, run_command, start_tensorflow
from aac_tf.cli.flags import add_config_flag, add_json_flag, add_overrides
from aac_tf.config.packaged import config_names
from aac_tf.errors import AacError
from aac_tf.training.monitors import check_monitor, find_monitor


def main(arguments=None):
    """Runs the command; returns its exit code."""
    parser = make_parser(
        ("train.py", "aac-train"),
        "Train an audio captioner from a config.",
        "train.py --config clotho_logmel data.root=/data/clotho training.epochs=20\n"
        "train.py --run runs/clotho_logmel --resume",
    )
    add_config_flag(parser)
    parser.add_argument("--run", help="folder to write the run to (default: runs/NAME with the config's name)")
    parser.add_argument("--resume", action="store_true", help="continue the interrupted run in --run")
    parser.add_argument(
        "--describe",
        action="store_true",
        help="print the model's layers and sizes without training; needs no recordings",
    )
    add_json_flag(parser, "print the result as a JSON object")
    parser.add_argument("--keys", action="store_true", help="list all config keys with their defaults and meanings")
    add_overrides(parser, "training.epochs=5", trained=False)
    return run_command(_train, parser, arguments)


def _train(options, console):
    from aac_tf.build_dataset import build_dataset
    from aac_tf.config import describe_keys, load_config
    from aac_tf.runs.initial import architecture, check_architecture, open_initial
    from aac_tf.runs.resume import check_folder
    from aac_tf.runs.run import Run

    if options.keys:
        for key, default, about in describe_keys():
            # As YAML reads it: null and true, not None and True.
            print(f"{key}={default if isinstance(default, str) else json.dumps(default)}\n    {about}")
        return None
    _check_config_flag(options)
    if options.config is None:
        # `check_folder` says which overrides a resumed run accepts.
        config = Run(options.run).started_with(options.overrides)
    else:
        config = load_config(options.config, options.overrides)
        initial = open_initial(config)
        if initial is not None:
            # What the command line sets comes last, and is refused if it does not fit.
            config = load_config(options.config, [*architecture(initial), *options.overrides])
            check_architecture(config, initial)
    run = Run(options.run or pathlib.Path("runs") / config.name)
    if not options.describe:
        check_folder(config, run, options.resume)
        check_monitor(config.training.monitor)
    dataset = build_dataset(config)
    dataset.check(audio_needed=not options.describe)
    if options.describe:
        dataset.require("train", audio_needed=False)  # its words; what does not exist yet is not made for a description
        try:
            check_monitor(config.training.monitor)
        except AacError as error:
            console.show(f"training would be refused: {error}")
    start_tensorflow(options)
    if options.describe:
        return _describe(config, options.json)
    from aac_tf.evaluation.board import CaptionBoard
    from aac_tf.training.trainer import train

    with contextlib.redirect_stdout(sys.stderr):  # Keras prints its progress to standard output
        rows = train(config, run, options.resume, console, [CaptionBoard(run, config)])
    best = _best_epoch(config, rows)
    if options.json:
        print_json({"run": run.name, "epochs": len(rows), "best": best})
    else:
        console.show(f"trained: {run.name} (best epoch {best['epoch']}, {config.training.monitor} {best['value']:.4g})")
    return None


def _check_config_flag(options):
    """Raises `ValueError` if there is no config, or its file is given without `--config`."""
    for name in options.overrides:
        if "=" not in name and (name.endswith((".yaml", ".yml")) or pathlib.Path(name).stem in config_names()):
            raise ValueError(f"{name} is not key=value; for the config file {name}, write --config {name}")
    if options.config is None and not (options.resume and options.run):
        raise ValueError(
            "give a config with --config, or continue a run with --run RUN --resume; packaged configs: "
            f"{', '.join(config_names())}"
        )


def _best_epoch(config, rows):
    monitor = config.training.monitor
    row = find_monitor(monitor).best_first(rows, config.training.monitor_decimals)[0]
    return {"epoch": int(row["epoch"]), "monitor": monitor, "value": float(row[monitor])}


def _describe(config, as_json):
    from aac_tf.build import build_frozen_encoder, build_model, build_spec
    from aac_tf.data.preparation import fit_tokenizer

    vocabulary_size = fit_tokenizer(config).vocabulary_size()
    model = build_model(config, vocabulary_size, embedder=build_frozen_encoder(config))
    spec = build_spec(config)
    trainable = sum(int(weight.shape.num_elements()) for weight in model.trainable_weights)
    layers = {}
    for weight in model.weights:
        # Without the model's own name: encoder/layer_1, decoder/embedding, ...
        name = "/".join(weight.name.split("/")[1:3])
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
        print_json(description)
        return
    print(f"{config.name}: {spec.num_bins} bins at {spec.sample_rate} Hz")
    for layer in description["layers"]:
        print(f"  {layer['name']:40} {layer['parameters']:>12,}")
    print(f"parameters       {description['parameters']['total']:,} ({trainable:,} trainable)")
    print(f"vocabulary size  {vocabulary_size:,}")
    for seconds, steps in description["encoder_steps"].items():
        print(f"encoder steps    {steps} for {seconds} s of audio")
