"""The timeline as rows of a table, and the rows, which users may edit, as files."""

import math
import pathlib

from aac_tf.inference.sounds import Sound
from aac_tf.inference.timeline import Segment
from aac_tf.utils.timeline_formats import FORMATS as ALL_FORMATS
from aac_tf.utils.timeline_formats import as_dict

FORMATS = ("srt", "vtt", "json", "tsv")  # those that allow the gaps which edited times leave


def segment_rows(segments):
    """Describes segments as rows for JSON.

    Args:
        segments: list of `Segment`.

    Returns:
        list of dict: `begin`, `end`, `caption`, `confidence`, `unsure`, and `sounds`, each with `name`, `score` and
        `interval`.
    """
    return [
        {
            **as_dict(segment),
            # As the table shows them.
            "begin": round(segment.begin, 2),
            "end": round(segment.end, 2),
        }
        for segment in segments
    ]


def read_rows(rows):
    """Reads rows that came back from a browser.

    Args:
        rows: what `segment_rows` returned, with changes of the user.

    Returns:
        list of `Segment`, by their begin.

    Raises:
        ValueError: if a row has no times or no text, or does not end after its begin.

    Example:
        >>> from aac_tf.page.timeline import read_rows
        >>> read_rows([{"begin": 0, "end": 1.5, "caption": "a dog barks"}])
        [Segment(begin=0.0, end=1.5, caption='a dog barks', confidence=None)]
        >>> read_rows([{"begin": 2, "end": 1.5, "caption": "a dog barks"}])
        Traceback (most recent call last):
        ...
        ValueError: row 1 of the timeline: expected a begin of at least 0 s and an end after it, got 2 and 1.5
    """
    segments = []
    for number, row in enumerate(rows, 1):
        try:
            begin, end, caption = row["begin"], row["end"], row["caption"]
            sounds = row.get("sounds") and [_read_sound(sound) for sound in row["sounds"]]
            confidence = None if row.get("confidence") is None else float(row["confidence"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"row {number} of the timeline is damaged: {error}") from error
        # What is no number arrives as None.
        if not _is_time(begin) or not _is_time(end) or not 0 <= begin < end:
            shown = ["nothing" if value is None else value for value in (begin, end)]
            raise ValueError(
                f"row {number} of the timeline: expected a begin of at least 0 s and an end after it, "
                f"got {shown[0]} and {shown[1]}"
            )
        text = " ".join(str(caption).split())
        segments.append(Segment(float(begin), float(end), text, sounds, confidence))
    return sorted(segments, key=lambda segment: segment.begin)


def write_rows(rows, format, sound):
    """Writes rows as a file.

    Args:
        rows: as for `read_rows`.
        format: one of `FORMATS`.
        sound: str, name of the sound.

    Returns:
        (name of the file, its text).

    Raises:
        ValueError: if a row is invalid, or the format is unknown.
    """
    if format not in FORMATS:
        raise ValueError(f"the timeline has no format {format}; expected one of {', '.join(FORMATS)}")
    form = ALL_FORMATS[format]
    return pathlib.PurePath(sound).stem + form.extension, form.write(read_rows(rows), sound)


def _read_sound(sound):
    begin, end = map(float, sound["interval"])
    return Sound(str(sound["name"]), float(sound["score"]), (begin, end))


def _is_time(value):
    return isinstance(value, (int, float)) and math.isfinite(value)
