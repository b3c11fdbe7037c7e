"""Score tables for the terminal."""

from rich.console import Console
from rich.table import Table

from aac_tf.evaluation.metrics import METRICS
from aac_tf.utils.counting import counted


def print_scores(result, title, paper, show=0):
    """Prints an `Evaluation`.

    Args:
        result: `Evaluation`.
        title: str.
        paper: dict of score name to the score that the paper reports, or empty.
        show: int, number of captions to print with a reference.
    """
    terminal = Console()
    terminal.print(_score_table(result, title, paper))
    if result.versus:
        terminal.print(_difference_table(result))
    for name, caption in list(result.captions.items())[:show]:
        predicted, reference = getattr(caption, "text", caption), result.references[name][0]
        terminal.print(f"\n{name}\n  predicted: {predicted}\n  reference: {reference}", highlight=False, markup=False)


def _score_table(result, title, paper):
    table = Table(title=f"{title}: {counted(len(result.captions), 'clip')}")
    table.add_column("metric")
    table.add_column("score", justify="right")
    if result.confidence:
        table.add_column("95 % interval", justify="right")
    if paper:
        table.add_column("paper", justify="right")
    rows = {name: _number(score) for name, score in result.corpus.items()}
    rows.update(dict.fromkeys(result.scores.not_computed, "not computed"))
    for name, score in rows.items():
        cells = [_title(name), score]
        if result.confidence:
            cells.append(_interval(result.confidence[name]) if name in result.confidence else "")
        if paper:
            cells.append(_number(paper[name]) if name in paper else "")
        table.add_row(*cells)
    return table


def _difference_table(result):
    table = Table(title=f"compared with {result.versus['predictions']}")
    for name in ("metric", "score", "other", "difference", "95 % interval", "p"):
        table.add_column(name, justify="left" if name == "metric" else "right")
    for name, found in result.versus["differences"].items():
        scores = result.corpus[name], result.versus["corpus"][name]
        interval = _interval((found["low"], found["high"]), "+.3f")
        table.add_row(
            _title(name), *map(_number, scores), f"{found['difference']:+.3f}", interval, f"{found['p_value']:.3f}"
        )
    return table


def _title(name):
    usual = next((metric.names[name] for metric in METRICS.values() if name in metric.names), None)
    return name if usual is None else f"{name} ({usual})"


def _number(score):
    if score is None:
        return "none"
    return f"{score:.3f}" if isinstance(score, float) else f"{score}"


def _interval(ends, form=".3f"):
    return f"{ends[0]:{form}} to {ends[1]:{form}}"
