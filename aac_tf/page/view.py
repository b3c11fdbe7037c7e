"""Everything that the page shows about a sound, as data for JSON, independent of the toolkit of the page."""

import math
import pathlib
import uuid

import numpy as np

from aac_tf.inference.caption import step_edges
from aac_tf.inference.graphs import hears_sounds
from aac_tf.inference.timeline import TimelineError
from aac_tf.page.recording import outline, read_sound, spectrogram_picture, write_playback
from aac_tf.page.timeline import segment_rows
from aac_tf.utils.timeline_formats import sound_as_dict

_READ, _CAPTIONED = 0.1, 0.5  # shares of the work, roughly those of an hour of sound
MAX_STEPS = 600  # of curves over time; longer ones keep the highest of several steps


def warm_up(captioner):
    """Compiles what `describe` calls, so that the first user does not wait for it; `captioner` is a `Captioner`."""
    noise = np.random.default_rng(0).normal(scale=0.1, size=3 * captioner.spec.sample_rate).astype(np.float32)
    heard = captioner.hear(noise)
    heard.caption()
    _timeline(heard, _ignore)


def _ignore(share, doing):
    """Reports nothing."""


def describe(captioner, path, name, folder, max_seconds=3600.0, report=_ignore):
    """Captions a sound file for the page.

    Args:
        captioner: `Captioner`.
        path: path of the file.
        name: str, what the page calls it.
        folder: path of a folder for the file that the browser plays.
        max_seconds: float, longest sound that is accepted.
        report: function `(share, doing)` that is told the share of the work that is done, and what is being done.

    Returns:
        dict for JSON: `name`, `seconds`, `sample_rate`, `audio` (path of the file to play), `waveform`, `spectrogram`,
        `caption`, `confidence`, `unsure`, `named_sounds`, `captions`, `words`, `sounds` (None if the run hears none),
        `segments`, the rows of the timeline, or None, and `no_segments`, the reason why there are none.

    Raises:
        AudioError: if the sound cannot be used; its reason is the one that `aac-caption` gives.
    """
    rate = captioner.spec.sample_rate
    report(0.0, "Reading the sound")
    waveform = read_sound(path, rate, max_seconds)
    report(_READ, "Captioning the sound")
    heard = captioner.hear(waveform)
    caption, seconds = heard.caption(), heard.seconds
    audio = pathlib.Path(folder) / f"{uuid.uuid4().hex}.flac"
    write_playback(waveform, rate, audio)
    return {
        "name": name,
        "seconds": seconds,
        "sample_rate": rate,
        "audio": str(audio),
        "waveform": outline(waveform),
        "spectrogram": spectrogram_picture(heard, captioner.spec),
        **describe_caption(caption),
        "sounds": _sounds_over_time(captioner, caption, seconds),
        **_timeline(heard, report),
    }


def describe_caption(caption):
    """Describes a `Caption`: the members of `describe` that come from it alone.

    Args:
        caption: `Caption`.

    Returns:
        dict for JSON. `captions` are the caption and its alternatives, each with the `word_probability`, the geometric
        mean over its words and its end. Each of the `words` has its `interval` in seconds and the curve of its
        attention: `edges` in seconds, and `weights` between them, the largest of which is 1.
    """
    return {
        "caption": caption.text,
        "confidence": caption.confidence,
        "unsure": caption.unsure,
        "named_sounds": [{"name": sound.name, "confidence": sound.confidence} for sound in caption.named_sounds or ()],
        "captions": [
            {"caption": one.text, "word_probability": math.exp(one.log_prob / (len(one.text.split()) + 1))}
            for one in (caption, *caption.alternatives)
        ],
        "words": [
            {
                "text": word.text,
                "interval": list(word.interval),
                **_curve("weights", word.weights / max(float(word.weights.max()), 1e-9), caption.step_edges),
            }
            for word in caption.words
        ],
    }


def _timeline(heard, report):
    def progress(done, total):
        report(_CAPTIONED + (1 - _CAPTIONED) * done / total, "Finding out what is heard when")

    try:
        return {"segments": segment_rows(heard.timeline(progress=progress)), "no_segments": None}
    except TimelineError as error:
        return {"segments": None, "no_segments": str(error)}


def _sounds_over_time(captioner, caption, seconds):
    if not hears_sounds(captioner.model):
        return None
    times = captioner.model.embedder.segment_times
    return [
        {
            **sound_as_dict(sound),
            **_curve("scores", sound.scores, step_edges(times, len(sound.scores), seconds)),
        }
        for sound in caption.sounds
    ]


def _curve(name, values, edges):
    """A step function over time with at most `MAX_STEPS` steps, rounded for JSON."""
    starts = np.arange(0, len(values), -(-len(values) // MAX_STEPS))
    highest = np.maximum.reduceat(np.asarray(values, np.float64), starts)
    return {name: np.round(highest, 3).tolist(), "edges": np.round([*edges[starts], edges[-1]], 3).tolist()}
