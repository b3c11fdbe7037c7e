"""The runs that a command is given."""

from aac_tf.cli.console import start_tensorflow
from aac_tf.cli.flags import given_runs
from aac_tf.cli.loading import loading


def open_runs(options):
    """Opens the runs of `--run` and `--rerank`, once for all that a command does with them.

    Args:
        options: `argparse.Namespace`.

    Returns:
        (list of `Run`; `Run` of `--rerank`, or None).

    Raises:
        RunError, DownloadError: as `open_run` does.
    """
    from aac_tf.runs.fetch import open_run

    rerank = getattr(options, "rerank", None)
    return [open_run(run) for run in given_runs(options)], None if rerank is None else open_run(rerank)


def load_captioner(options, runs, overrides, rerank=None):
    """Starts TensorFlow and loads a `Captioner`.

    Args:
        options: `argparse.Namespace`.
        runs: list of `Run`, from `open_runs`.
        overrides: as for `Captioner.load`.
        rerank: as for `Captioner.load`.

    Returns:
        `Captioner`.
    """
    with loading(" and ".join(given_runs(options))):
        start_tensorflow(options)
        from aac_tf.inference.captioner import Captioner

        return Captioner.load(runs, overrides, rerank)
