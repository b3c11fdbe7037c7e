"""SPICE 1.0, run with the jars that pycocoevalcap ships and the Stanford CoreNLP that it does not."""

from __future__ import annotations

import json
import logging
import math
import os
import pathlib
import platform
import re
import tempfile

from pycocoevalcap.spice import spice

from aac_tf.evaluation.java.process import JavaError, MetricError, run_java
from aac_tf.evaluation.java.spice_files import FETCH, JARS, spice_folders
from aac_tf.utils.cache import cache_folder

logger = logging.getLogger(__name__)

_LONGEST_KEY = 400  # bytes of a caption; the database of SPICE's cache ends with an error at keys above 511

# SPICE's cache reads private fields of these packages, which Java 16 and later forbid.
_OPEN = [
    word
    for package in ("lang", "math", "util", "util.concurrent", "net", "text")
    for word in ("--add-opens", f"java.base/java.{package}=ALL-UNNAMED")
]
_CACHE_FAILED = re.compile(r"^\s*(at |Caused|Exception|\S+(Error|Exception)).*(lmdb|hawtjni|nustaq)", re.MULTILINE)


def why_no_spice():
    """Why SPICE cannot be computed, and what to do; None if it can."""
    if find_corenlp() is not None:
        return None
    looked = ", ".join(map(str, spice_folders()))
    return f"SPICE needs {' and '.join(JARS)}, which are not in {looked}; `{FETCH}` gets them once"


def find_corenlp():
    """Paths of CoreNLP's two jars, or None; see `spice_files.spice_folders` for where they are looked for."""
    for folder in spice_folders():
        paths = [folder / name for name in JARS]
        if all(path.is_file() for path in paths):
            return paths
    return None


def score_spice(references, predictions):
    """SPICE (Anderson et al., 2016): the F-score of the objects, attributes and relations that captions name.

    Parses of captions are kept in the cache folder, as a second evaluation on the same references takes far less time
    then.

    Args:
        references: dict of row to list of captions, tokenized.
        predictions: dict of row to list of one caption, tokenized.

    Returns:
        list of float, an F-score for each row, in the order of `predictions`. The corpus score is their mean.

    Raises:
        MetricError: if CoreNLP is not there, or SPICE fails, or what it writes does not fit the captions.
    """
    corenlp = find_corenlp()
    if corenlp is None:
        raise MetricError(why_no_spice())
    items = [
        {"image_id": row, "test": prediction, "refs": references[row]} for row, (prediction,) in predictions.items()
    ]
    cache = _cache(items)
    try:
        return _run(items, corenlp, cache)
    except JavaError as error:
        if not cache or not _CACHE_FAILED.search(error.said):
            raise
        logger.warning("SPICE failed with its cache (%s); it runs again without", error)
        return _run(items, corenlp, [])


def read_spice(text, rows):
    """F-scores from the JSON that SPICE writes.

    Args:
        text: str.
        rows: list of the items' numbers.

    Returns:
        list of float, in the order of `rows`.

    Raises:
        MetricError: if it is not SPICE's JSON, or not of these items, each once, with an F-score from 0 to 1.
    """
    try:
        results = json.loads(text)
        scores = {result["image_id"]: result["scores"]["All"]["f"] for result in results}
    except (ValueError, KeyError, TypeError) as error:
        raise MetricError(f"SPICE wrote something else than its scores: {text[:80]!r}") from error
    if len(results) != len(rows) or scores.keys() != set(rows):
        raise MetricError(f"SPICE scored {len(results)} captions, where {len(rows)} were given, or others")
    bad = [score for score in scores.values() if not _is_score(score)]
    if bad:
        raise MetricError(f"SPICE gave {len(bad)} captions no score from 0 to 1, but {bad[0]!r}")
    return [float(scores[row]) for row in rows]


def _is_score(value):
    return isinstance(value, (int, float)) and math.isfinite(value) and 0 <= value <= 1


def _run(items, corenlp, cache):
    home = pathlib.Path(spice.__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        given, written = pathlib.Path(folder, "captions.json"), pathlib.Path(folder, "scores.json")
        # ASCII, as SPICE reads files in the machine's encoding.
        given.write_text(json.dumps(items), encoding="ascii")
        class_path = [home / spice.SPICE_JAR, *sorted((home / "lib").glob("*.jar")), *corenlp]
        arguments = [given, "-out", written, "-silent", *cache]
        main_class, hours = "edu.anu.spice.SpiceScorer", 4
        run_java("SPICE", class_path, main_class, arguments, heap="8g", timeout=hours * 3600, options=_OPEN)
        if not written.is_file():
            raise MetricError("SPICE ended without an error, and without scores")
        return read_spice(written.read_text(encoding="utf-8"), [item["image_id"] for item in items])


def _cache(items):
    """Arguments for SPICE's cache, if it can be used: its database has native code for 64-bit Intel alone."""
    captions = (text for item in items for text in (item["test"], *item["refs"]))
    if platform.machine().lower() not in ("x86_64", "amd64") or max(len(c.encode()) for c in captions) > _LONGEST_KEY:
        return []
    folder = cache_folder() / "spice"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return []
    return ["-cache", os.fspath(folder)] if os.access(folder, os.W_OK) else []
