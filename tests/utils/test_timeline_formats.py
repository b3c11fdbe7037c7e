"""File formats of captions over time."""

import json

import pytest

from aac_tf.inference import Segment, Sound
from aac_tf.utils.timeline_formats import FORMATS

SEGMENTS = [
    Segment(0.0, 1.5, "", []),
    Segment(1.5, 59.9996, 'a "dog" <barks>', [Sound("Dog", 0.912345, (1.5, 2.0))], 0.876),
    Segment(59.9996, 3725.25, "rain falls", None, None),
]
EXPECTED = {
    "srt": """1
00:00:01,500 --> 00:01:00,000
a "dog" <barks>

2
00:01:00,000 --> 01:02:05,250
rain falls
""",
    "vtt": """WEBVTT

00:00:01.500 --> 00:01:00.000
a "dog" &lt;barks&gt;

00:01:00.000 --> 01:02:05.250
rain falls
""",
    "tsv": """file\tbegin\tend\tcaption\tconfidence
a b.wav\t0.00\t1.50\t\t
a b.wav\t1.50\t60.00\ta "dog" <barks>\t0.88
a b.wav\t60.00\t3725.25\train falls\t
""",
    "audacity": '1.500\t60.000\ta "dog" <barks>\n60.000\t3725.250\train falls\n',
}


@pytest.mark.parametrize("name", EXPECTED)
def test_formats(name):
    assert FORMATS[name].write(SEGMENTS, "a\tb.wav") == EXPECTED[name]


def test_json_has_everything():
    (line,) = FORMATS["json"].write(SEGMENTS, "a\tb.wav").splitlines()
    found = json.loads(line)
    assert found["file"] == "a\tb.wav"
    assert found["segments"][1] == {
        "begin": 1.5,
        "end": 60.0,
        "caption": 'a "dog" <barks>',
        "confidence": 0.876,
        "unsure": False,
        "sounds": [{"name": "Dog", "score": 0.9123, "interval": [1.5, 2.0]}],
    }
    assert [one["sounds"] for one in found["segments"]][::2] == [[], None]


def test_a_textgrid_covers_the_recording():
    lines = [line.strip() for line in FORMATS["textgrid"].write(SEGMENTS, "x").splitlines()]
    assert lines[:2] == ['File type = "ooTextFile"', 'Object class = "TextGrid"']
    assert "intervals: size = 3" in lines
    assert [line for line in lines if line.startswith("text")] == [
        'text = ""',
        'text = "a ""dog"" <barks>"',
        'text = "rain falls"',
    ]
    times = [line.split(" = ")[1] for line in lines if line.startswith(("xmin", "xmax"))]
    assert times[:4] == ["0", "3725.250"] * 2
    assert times[4:] == ["0.000", "1.500", "1.500", "60.000", "60.000", "3725.250"]


def test_a_silent_recording_is_a_valid_file():
    silence = [Segment(0.0, 2.0, "")]
    assert FORMATS["srt"].write(silence, "x") == FORMATS["audacity"].write(silence, "x") == ""
    assert FORMATS["vtt"].write(silence, "x") == "WEBVTT\n"
