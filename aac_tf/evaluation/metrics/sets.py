"""Sets of metrics that have a name: those that the years of the DCASE challenge report."""

from typing import NamedTuple, Tuple


class MetricSet(NamedTuple):
    """Metrics that are requested together.

    Attributes:
        metrics: names of the metrics.
        ranks_by: name of the metric that the challenge ranks systems by.
    """

    metrics: Tuple[str, ...]
    ranks_by: str


SETS = {
    # Also of 2021 and 2022.
    "dcase2020": MetricSet(("bleu", "rouge_l", "meteor", "cider", "spice", "spider"), "spider"),
    "dcase2023": MetricSet(("meteor", "cider", "spice", "spider", "fer", "spider_fl"), "spider_fl"),
    "dcase2024": MetricSet(
        ("meteor", "cider", "spice", "spider", "fer", "spider_fl", "sbert_sim", "fense", "vocabulary"), "fense"
    ),
}
