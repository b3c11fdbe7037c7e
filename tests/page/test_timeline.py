"""The rows of the timeline, edited, as files."""

import json

import pytest

from aac_tf.inference import Segment, Sound
from aac_tf.page.timeline import FORMATS, segment_rows, write_rows

SEGMENTS = [
    Segment(0.0, 2.5, "a dog barks", [Sound("Dog", 0.9, (0.0, 2.0))], 0.8),
    Segment(2.5, 4.0, "", []),
    Segment(4.0, 9.75, "rain falls", None, 0.2, unsure=True),
]


@pytest.fixture
def rows():
    """As they come back from the browser."""
    return json.loads(json.dumps(segment_rows(SEGMENTS)))


def test_doubtful_rows_are_marked(rows):
    assert [row["unsure"] for row in rows] == [False, False, True]


def test_rows_keep_what_is_known_of_the_segments(rows):
    name, text = write_rows(rows, "json", "my dog.wav")
    assert name == "my dog.json"
    first, silence, _ = json.loads(text)["segments"]
    assert (first["caption"], first["confidence"]) == ("a dog barks", 0.8)
    assert first["sounds"] == [{"name": "Dog", "score": 0.9, "interval": [0.0, 2.0]}]
    assert silence["caption"] == ""


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_has_the_changes(rows, format):
    rows[0]["caption"] = "two\ndogs bark"
    rows[0]["end"] = 2
    _, text = write_rows(rows, format, "dog.wav")
    assert "two dogs bark" in text
    assert "a dog barks" not in text


def test_rows_are_written_in_the_order_of_time(rows):
    rows[0].update(begin=10, end=12)
    _, text = write_rows(rows, "srt", "dog.wav")
    assert text.index("rain falls") < text.index("a dog barks")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"end": 1}, "row 3 of the timeline: expected a begin of at least 0 s and an end after it, got 4.0 and 1"),
        ({"begin": None}, "got nothing and 9.75"),
        ({"begin": -1}, "got -1 and 9.75"),
        ({"begin": "2"}, "got 2 and 9.75"),
        ({"sounds": [{}]}, "row 3 of the timeline is damaged"),
    ],
)
def test_invalid_rows_are_refused(rows, change, message):
    rows[2].update(change)
    with pytest.raises(ValueError, match=message):
        write_rows(rows, "srt", "dog.wav")


def test_formats_that_cannot_have_gaps_are_refused(rows):
    with pytest.raises(ValueError, match="no format textgrid; expected one of srt, vtt, json, tsv"):
        write_rows(rows, "textgrid", "dog.wav")
