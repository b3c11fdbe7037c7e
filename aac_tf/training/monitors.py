"""The scores that can select the best checkpoint."""

from typing import NamedTuple, Optional

from aac_tf.config import ConfigError
from aac_tf.evaluation.errors import MetricError
from aac_tf.evaluation.metrics import METRICS
from aac_tf.evaluation.scoring import check_metrics, compute_scores

# Those that training computes without a metric of `METRICS`; whether higher is better.
_OWN = {"val_bleu": True, "val_loss": False, "loss": False}


class Monitor(NamedTuple):
    """A score that can select the best checkpoint.

    Attributes:
        name: str, the value of `training.monitor` and column of the history.
        higher_is_better: bool.
        metric: str, name in `METRICS`; None if training computes the score itself.
    """

    name: str
    higher_is_better: bool
    metric: Optional[str] = None

    def best_first(self, rows, decimals=None):
        """Sorts epochs.

        Args:
            rows: list of dict, rows of a history (`History.rows`).
            decimals: int, `training.monitor_decimals`, after which epochs are equal.

        Returns:
            list of the rows, the best first; of equal ones the earlier, which `ModelSelection` keeps.
        """

        def value(row):
            score = float(row[self.name])
            return score if decimals is None else round(score, decimals)

        return sorted(rows, key=value, reverse=self.higher_is_better)


def monitors():
    """Returns the losses, `val_bleu` and the scores of all metrics, a dict of name to `Monitor`."""
    found = {
        f"val_{score}": Monitor(f"val_{score}", metric.higher_is_better, metric.name)
        for metric in METRICS.values()
        if metric.higher_is_better is not None and not metric.several  # greedy search finds one caption
        for score in metric.score_names()
    }
    return {**found, **{name: Monitor(name, higher) for name, higher in _OWN.items()}}


def find_monitor(name):
    """Returns the `Monitor` of this name.

    Raises:
        ConfigError: if there is none.

    Example:
        >>> from aac_tf.training.monitors import find_monitor
        >>> find_monitor("val_cider")
        Monitor(name='val_cider', higher_is_better=True, metric='cider')
    """
    known = monitors()
    if name not in known:
        raise ConfigError(f"training.monitor takes {' | '.join(known)}, got `{name}`")
    return known[name]


def check_monitor(name):
    """Returns the `Monitor` of this name, if this machine can compute it.

    Raises:
        ConfigError: if there is none, or its metric is unavailable.
    """
    monitor = find_monitor(name)
    if monitor.metric is not None:
        try:
            check_metrics([monitor.metric])
        except MetricError as error:
            raise ConfigError(f"training.monitor={name}: {error}") from error
    return monitor


def score_validation(monitor, captions, references):
    """Computes the metric of a monitor.

    Args:
        monitor: `Monitor`.
        captions: list of str, one for each clip.
        references: list of lists of str, those of each clip.

    Returns:
        dict of `val_` and score name to score, of all scores of the metric; empty for a monitor without a metric.

    Raises:
        ConfigError: if the score is undefined for these clips.
        MetricError: if the computation fails.
    """
    if monitor.metric is None:
        return {}
    scores = compute_scores(dict(enumerate(captions)), dict(enumerate(references)), [monitor.metric])
    if monitor.metric in scores.not_computed:
        raise ConfigError(f"training.monitor={monitor.name} cannot be computed: {scores.not_computed[monitor.metric]}")
    return {f"val_{name}": score for name, score in scores.corpus().items()}
