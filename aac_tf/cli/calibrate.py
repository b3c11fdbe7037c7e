"""`aac-calibrate`: measures how far the captions of a trained run can be trusted."""

from aac_tf.cli.checks import check_run
from aac_tf.cli.console import PARTLY, make_parser, print_json, run_command
from aac_tf.cli.flags import add_json_flag, add_overrides
from aac_tf.cli.runs import load_captioner
from aac_tf.utils.counting import counted


def main(arguments=None):
    """Runs the command; returns its exit code."""
    parser = make_parser(
        ("aac-calibrate",),
        "Caption the validation split of a trained run, compare the sounds that its captions name with those that are "
        "there, and write calibration.json into its folder: from then on, captions have a confidence. Then measure the "
        "confidences on the test split.",
        "aac-calibrate runs/mine",
    )
    parser.add_argument("run", metavar="RUN", help="folder of the trained run")
    add_json_flag(parser, "print the measurements as a JSON object")
    add_overrides(parser, "data.root=/data/scenes")
    return run_command(_calibrate, parser, arguments)


def _calibrate(options, console):
    from aac_tf.build_dataset import build_dataset
    from aac_tf.datasets import DatasetError
    from aac_tf.runs.fetch import is_folder, open_run

    if not is_folder(options.run):
        raise ValueError(f"{options.run} is not a folder to write to: give the path of a run folder")
    run = open_run(options.run)
    config = check_run(run, options.overrides)
    dataset = build_dataset(config)
    dataset.require("validation")
    try:
        tested = dataset.require("test") is not None
    except DatasetError:
        tested = False
    captioner = load_captioner(options, [run], options.overrides)
    from aac_tf.evaluation.calibration import fit_calibration, judge_captions, reliability

    left_out = []

    def judge(split, calibration=None):
        progress = console.progress(f"Captioning {split}")
        skipped = []
        found = judge_captions(captioner, config, split, calibration, progress, lambda *clip: skipped.append(clip))
        console.skipped(skipped)
        left_out.extend(skipped)
        return found

    judged, labels = judge("validation")
    calibration = fit_calibration(judged, labels)
    stored = calibration.to_dict()
    if tested:
        judged, _ = judge("test", calibration)
        stored["test"] = reliability(judged, calibration.unsure_below)
    run.write_calibration(stored)
    if options.json:
        print_json(stored)
    elif tested:
        _print_reliability(stored["test"], calibration.unsure_below)
    console.show(f"wrote {run.name}/{run.CALIBRATION}")
    if left_out:
        console.show(f"{counted(len(left_out), 'clip')} skipped")
    return PARTLY if left_out else None


def _print_reliability(found, unsure_below):
    if not found["captions"]:
        print("no caption of the test split names a known sound, so the confidences were not measured")
        return
    print("confidence  captions  mean  sounds that are there")
    for row in found["bins"]:
        print(f"{row['from']:10.1f}  {row['captions']:8}  {row['confidence']:4.2f}  {row['right']:4.2f}")
    print(
        f"expected calibration error {found['ece']:.3f}, on {counted(found['captions'], 'caption')} of the test split"
    )
    for name, where in (("unsure", "below"), ("sure", "from")):
        group = found[name]
        if group["captions"]:
            share = f"{group['captions'] / found['captions']:.0%} of the captions"
            print(f"{name} ({where} {unsure_below}): {share}; {group['right']:.0%} of their sounds are there")
