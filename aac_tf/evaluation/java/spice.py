"""SPICE 1.0, run with the jars that pycocoevalcap ships and with Stanford CoreNLP, which it does not ship."""

from __future__ import annotations

import json
import logging
import math
import os
import pathlib
import platform
import re
import tempfile

from aac_tf.evaluation.errors import MetricError
from aac_tf.evaluation.java import jars
from aac_tf.evaluation.java.process import JavaError, run_java
from aac_tf.evaluation.java.spice_files import FETCH, JARS, spice_folders
from aac_tf.utils.cache import cache_folder

logger = logging.getLogger(__name__)

_LONGEST_KEY = 400  # bytes of a caption; the database behind SPICE's cache fails on keys longer than 511 bytes
_TIMEOUT = 4 * 3600  # seconds

# SPICE's cache reads private fields of these packages, which Java 16 and later forbid.
_OPEN = [
    word
    for package in ("lang", "math", "util", "util.concurrent", "net", "text")
    for word in ("--add-opens", f"java.base/java.{package}=ALL-UNNAMED")
]
_CACHE_FAILED = re.compile(r"^\s*(at |Caused|Exception|\S+(Error|Exception)).*(lmdb|hawtjni|nustaq)", re.MULTILINE)


def why_no_spice():
    """Why SPICE cannot be computed and what to do about it; None if it can."""
    if find_corenlp() is not None:
        return None
    return f"`{FETCH}` downloads Stanford CoreNLP for SPICE"


def find_corenlp():
    """Paths of CoreNLP's two jars in one of the `spice_folders`; None if they are not there."""
    for folder in spice_folders():
        paths = [folder / name for name in JARS]
        if all(path.is_file() for path in paths):
            return paths
    return None


def score_spice(predictions, references):
    """Computes SPICE, the F-score of the objects, attributes and relations that captions name.

    Parses of captions are kept in the cache folder, which speeds up further evaluations on the same references.

    Args:
        predictions: list of str, tokenized captions.
        references: list of lists of str, tokenized.

    Returns:
        list of float, the F-score of each prediction. The corpus score is their mean.

    Raises:
        MetricError: if CoreNLP is missing, SPICE fails or its output does not match the captions.
    """
    corenlp = find_corenlp()
    if corenlp is None:
        raise MetricError(why_no_spice())
    items = [
        {"image_id": row, "test": prediction, "refs": texts}
        for row, (prediction, texts) in enumerate(zip(predictions, references))
    ]
    cache = _cache(items)
    try:
        return _run(items, corenlp, cache)
    except JavaError as error:
        if not cache or not _CACHE_FAILED.search(error.said):
            raise
        logger.warning("SPICE failed with its cache (%s); retrying without it", error)
        return _run(items, corenlp, [])


def read_spice(text, rows):
    """Reads the F-scores from SPICE's output.

    Args:
        text: str, JSON.
        rows: list of the items' numbers.

    Returns:
        list of float, in the order of `rows`.

    Raises:
        MetricError: unless it is SPICE's JSON and has one F-score from 0 to 1 for each of the items.
    """
    try:
        results = json.loads(text)
        scores = {result["image_id"]: result["scores"]["All"]["f"] for result in results}
    except (ValueError, KeyError, TypeError) as error:
        raise MetricError(f"SPICE's output is not a list of scores: {text[:80]!r}") from error
    if len(results) != len(rows) or scores.keys() != set(rows):
        raise MetricError(f"SPICE scored {len(results)} captions, expected {len(rows)}, each exactly once")
    bad = [score for score in scores.values() if not _is_score(score)]
    if bad:
        raise MetricError(f"SPICE's scores must be in [0, 1]; {len(bad)} are not, the first is {bad[0]!r}")
    return [float(scores[row]) for row in rows]


def _is_score(value):
    return isinstance(value, (int, float)) and math.isfinite(value) and 0 <= value <= 1


def _run(items, corenlp, cache):
    with tempfile.TemporaryDirectory() as folder:
        captions, scores = pathlib.Path(folder, "captions.json"), pathlib.Path(folder, "scores.json")
        # SPICE reads files in the platform's encoding.
        captions.write_text(json.dumps(items), encoding="ascii")
        class_path = [jars.SPICE, *sorted(jars.SPICE_LIBRARIES.glob("*.jar")), *corenlp]
        arguments = [captions, "-out", scores, "-silent", *cache]
        main_class = "edu.anu.spice.SpiceScorer"
        run_java("SPICE", class_path, main_class, arguments, heap="8g", timeout=_TIMEOUT, options=_OPEN)
        if not scores.is_file():
            raise MetricError("SPICE exited without an error, but wrote no scores")
        return read_spice(scores.read_text(encoding="utf-8"), [item["image_id"] for item in items])


def _cache(items):
    """Options that turn on SPICE's cache, if it works here: its database has native code for 64-bit Intel only."""
    captions = (text for item in items for text in (item["test"], *item["refs"]))
    if platform.machine().lower() not in ("x86_64", "amd64") or max(len(c.encode()) for c in captions) > _LONGEST_KEY:
        return []
    folder = cache_folder() / "spice"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return []
    return ["-cache", os.fspath(folder)] if os.access(folder, os.W_OK) else []
