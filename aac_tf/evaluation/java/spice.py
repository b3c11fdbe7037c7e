"""SPICE 1.0, run with the jars that pycocoevalcap ships and with Stanford CoreNLP, which it does not ship."""

from __future__ import annotations

import json
import logging
import math
import os
import pathlib
import platform
import re

from aac_tf.evaluation.errors import MetricError
from aac_tf.evaluation.java import jars
from aac_tf.evaluation.java.process import JavaError, JavaProgram
from aac_tf.evaluation.java.spice_files import find_corenlp, why_no_spice
from aac_tf.utils.cache import cache_folder
from aac_tf.utils.counting import counted

logger = logging.getLogger(__name__)

# Parsing takes time in proportion to the cube of the number of words: 2 minutes for 200 words.
MAX_WORDS = 100

_CHUNK = 200  # captions that are parsed before the next ones are sent
_LONGEST_KEY = 400  # bytes of a caption; the database behind SPICE's cache fails on keys longer than 511 bytes
_TIMEOUT = 4 * 3600  # seconds for a chunk
_PATIENCE = 5  # seconds to remove temporary files
_HELPER = pathlib.Path(__file__).with_name("spice_helper") / "spice_helper.jar"

# SPICE's cache reads private fields of these packages, which Java 16 and later forbid.
_OPEN = [
    word
    for package in ("lang", "math", "util", "util.concurrent", "net", "text")
    for word in ("--add-opens", f"java.base/java.{package}=ALL-UNNAMED")
]
_CACHE_FAILED = re.compile(r"^\s*(at |Caused|Exception|\S+(Error|Exception)).*(lmdb|hawtjni|nustaq)", re.MULTILINE)


def score_spice(predictions, references, progress=None):
    """Computes SPICE, the F-score of the objects, attributes and relations that captions name.

    Captions are parsed in chunks, references first. The parses are kept in the cache folder chunk by chunk, so that an
    interrupted evaluation continues where it stopped, and only the first one on the same references is slow.

    Captions of more than `MAX_WORDS` words are not parsed: such a prediction scores 0, such a reference is left out.

    Args:
        predictions: list of str, tokenized captions.
        references: list of lists of str, tokenized.
        progress: optional function `(what) -> (function (done, total))`, which counts captions.

    Returns:
        list of float, the F-score of each prediction. The corpus score is their mean.

    Raises:
        MetricError: if CoreNLP is missing, SPICE fails or its output does not match the captions.
    """
    corenlp = find_corenlp()
    if corenlp is None:
        raise MetricError(why_no_spice())
    items = [
        {"image_id": row, "test": prediction, "refs": short}
        for row, (prediction, texts) in enumerate(zip(predictions, references))
        if _is_short(prediction) and (short := list(filter(_is_short, texts)))
    ]
    cache = _cache()
    try:
        found = _run(items, corenlp, cache, progress)
    except JavaError as error:
        if not cache or not _CACHE_FAILED.search(error.said):
            raise
        logger.warning("SPICE failed with its cache (%s); retrying without it", error)
        found = _run(items, corenlp, [], progress)
    return [found.get(row, 0.0) for row in range(len(predictions))]


def too_long(predictions, references):
    """The items with captions that are too long for SPICE.

    Args:
        predictions: see `score_spice`.
        references: see `score_spice`.

    Returns:
        `{row: what is too long and what follows}`.
    """
    found = {}
    for row, (prediction, texts) in enumerate(zip(predictions, references)):
        long = [text for text in texts if not _is_short(text)]
        if not _is_short(prediction):
            found[row] = f"the caption has {len(prediction.split())} words, more than {MAX_WORDS}: it scores 0"
        elif long:
            words, rest = len(long[0].split()), "left out" if len(long) < len(texts) else "all of them, so it scores 0"
            found[row] = f"{counted(len(long), 'reference')} of more than {MAX_WORDS} words ({words}): {rest}"
    return found


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
        raise MetricError(f"SPICE scored {counted(len(results), 'caption')}, expected {len(rows)}, each exactly once")
    bad = [score for score in scores.values() if not _is_score(score)]
    if bad:
        raise MetricError(f"SPICE's scores must be in [0, 1]; {len(bad)} are not, the first is {bad[0]!r}")
    return [float(scores[row]) for row in rows]


def _is_score(value):
    return isinstance(value, (int, float)) and math.isfinite(value) and 0 <= value <= 1


def _is_short(caption):
    return len(caption.split()) <= MAX_WORDS


def _run(items, corenlp, cache, progress=None):
    """Parses and scores items; returns `{row: F-score}`."""
    # References come first: they are the same in the next evaluation.
    captions = list(
        dict.fromkeys([*(text for item in items for text in item["refs"]), *(item["test"] for item in items)])
    )
    note = " (kept for later evaluations)" if cache else ""
    update = progress(f"Parsing captions for SPICE{note}") if progress else None
    found = {}
    with _program(corenlp, cache) as program:
        for start in range(0, len(captions), _CHUNK):
            if update:
                update(start, len(captions))
            program.ask(json.dumps(captions[start : start + _CHUNK]))
        if update:
            update(len(captions), len(captions))
        for start in range(0, len(items), _CHUNK):
            chunk = items[start : start + _CHUNK]
            rows = [item["image_id"] for item in chunk]
            (answer,) = program.ask(json.dumps(chunk))
            found.update(zip(rows, read_spice(answer, rows)))
    return found


def _program(corenlp, cache):
    class_path = [_HELPER, jars.SPICE, *sorted(jars.SPICE_LIBRARIES.glob("*.jar")), *corenlp]
    return JavaProgram(
        "SPICE",
        class_path,
        "SpiceProgram",
        [_LONGEST_KEY, *cache],
        heap="8g",
        timeout=_TIMEOUT,
        options=_OPEN,
        patience=_PATIENCE,
    )


def _cache():
    """The folder of SPICE's cache, if it works here: its database has native code for 64-bit Intel only."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return []
    folder = cache_folder() / "spice"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return []
    return [os.fspath(folder)] if os.access(folder, os.W_OK) else []
