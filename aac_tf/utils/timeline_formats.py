"""File formats of captions over time: subtitles, tables, and the labels of Audacity and Praat."""

from __future__ import annotations

import dataclasses
import html
import json
import typing
from collections.abc import Callable, Sequence


class Captioned(typing.Protocol):
    """What a segment must have to be written, such as `aac_tf.inference.Segment`; silence has an empty caption."""

    begin: float
    end: float
    caption: str
    sounds: typing.Any
    confidence: float | None
    unsure: bool


@dataclasses.dataclass(frozen=True)
class TimelineFormat:
    """A file format of captions over time.

    Attributes:
        extension: str, of its files, with the dot.
        write: function from segments, in order and without gaps, and the name of the recording to the text of a file.
        several: bool, whether the texts of several recordings can follow each other.
        header: str, the first line of the text if it is a header, which such a sequence has only once.
    """

    extension: str
    write: Callable[[Sequence[Captioned], str], str]
    several: bool = False
    header: str = ""


def write_srt(segments: Sequence[Captioned], name: str) -> str:
    """SubRip subtitles, without silence.

    Args:
        segments: list of `Segment`.
        name: name of the recording, which this format does not hold.

    Returns:
        The text of the file.

    Example:
        >>> from aac_tf.inference import Segment
        >>> from aac_tf.utils.timeline_formats import write_srt
        >>> print(write_srt([Segment(0.0, 2.5, ""), Segment(2.5, 3723.25, "a dog barks")], "dog.wav"), end="")
        1
        00:00:02,500 --> 01:02:03,250
        a dog barks
    """
    return "\n".join(
        f"{number}\n{_clock(one.begin, ',')} --> {_clock(one.end, ',')}\n{one.caption}\n"
        for number, one in enumerate(_heard(segments), 1)
    )


def write_vtt(segments: Sequence[Captioned], name: str) -> str:
    """WebVTT subtitles, without silence; arguments and result as for `write_srt`."""
    cues = [
        f"\n{_clock(one.begin, '.')} --> {_clock(one.end, '.')}\n{html.escape(one.caption, quote=False)}\n"
        for one in _heard(segments)
    ]
    return "WEBVTT\n" + "".join(cues)


def write_json(segments: Sequence[Captioned], name: str) -> str:
    """A JSON object in one line, with everything known about each segment; arguments and result as for `write_srt`."""
    return json.dumps({"file": name, "segments": [as_dict(one) for one in segments]}, ensure_ascii=False) + "\n"


def write_tsv(segments: Sequence[Captioned], name: str) -> str:
    """A table with tabs; arguments and result as for `write_srt`."""
    rows = [
        "\t".join(
            [
                _in_one_cell(name),
                f"{one.begin:.2f}",
                f"{one.end:.2f}",
                one.caption,
                "" if one.confidence is None else f"{one.confidence:.2f}",
            ]
        )
        for one in segments
    ]
    return _HEADER + "".join(f"{row}\n" for row in rows)


def write_audacity(segments: Sequence[Captioned], name: str) -> str:
    """A label track of Audacity, without silence; arguments and result as for `write_srt`."""
    return "".join(f"{one.begin:.3f}\t{one.end:.3f}\t{one.caption}\n" for one in _heard(segments))


def write_textgrid(segments: Sequence[Captioned], name: str) -> str:
    """A TextGrid of Praat with one tier, silence as empty intervals; arguments and result as for `write_srt`."""
    last = f"{segments[-1].end:.3f}"
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {last}"]
    lines += ["tiers? <exists>", "size = 1", "item []:", "    item [1]:", '        class = "IntervalTier"']
    lines += ['        name = "captions"', "        xmin = 0", f"        xmax = {last}"]
    lines.append(f"        intervals: size = {len(segments)}")
    for number, one in enumerate(segments, 1):
        text = one.caption.replace('"', '""')
        lines.append(f"        intervals [{number}]:")
        lines += [f"            xmin = {one.begin:.3f}", f"            xmax = {one.end:.3f}"]
        lines.append(f'            text = "{text}"')
    return "\n".join(lines) + "\n"


def as_dict(segment: Captioned) -> dict[str, typing.Any]:
    """A segment as a dict for JSON."""
    return {
        "begin": round(segment.begin, 3),
        "end": round(segment.end, 3),
        "caption": segment.caption,
        "confidence": segment.confidence,
        "unsure": segment.unsure,
        "sounds": segment.sounds and [sound_as_dict(one) for one in segment.sounds],
    }


def sound_as_dict(sound: typing.Any) -> dict[str, typing.Any]:
    """A `Sound` as a dict for JSON."""
    return {
        "name": sound.name,
        "score": round(sound.score, 4),
        "interval": [round(time, 3) for time in sound.interval],
    }


_HEADER = "file\tbegin\tend\tcaption\tconfidence\n"


def _heard(segments):
    return [one for one in segments if one.caption]


def _clock(seconds, point):
    milliseconds = round(1000 * seconds)
    minutes, milliseconds = divmod(milliseconds, 60000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{milliseconds // 1000:02d}{point}{milliseconds % 1000:03d}"


def _in_one_cell(text):
    return " ".join(text.split())


FORMATS = {
    "srt": TimelineFormat(".srt", write_srt),
    "vtt": TimelineFormat(".vtt", write_vtt),
    "json": TimelineFormat(".json", write_json, several=True),
    "tsv": TimelineFormat(".tsv", write_tsv, several=True, header=_HEADER),
    "audacity": TimelineFormat(".txt", write_audacity),
    "textgrid": TimelineFormat(".TextGrid", write_textgrid),
}
