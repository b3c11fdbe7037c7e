"""Which runs `aac-prior` can correct; without TensorFlow, so that the command refuses the others at once."""

from aac_tf.runs.card import read_card
from aac_tf.runs.errors import RunError

PRIOR = "prior"  # key of the card of a corrected run: the weight of the correction


def check_correctable(run):
    """Checks that the words of a run can be corrected.

    Args:
        run: `Run`.

    Raises:
        RunError: if the run has no checkpoint, or was corrected already.
    """
    if not (run.best / "checkpoint").is_file():
        raise RunError(f"{run.name} has no checkpoint, which training writes and published runs lack")
    if PRIOR in read_card(run):
        raise RunError(f"{run.name} was corrected already: give the run that it was written from, with another weight")
