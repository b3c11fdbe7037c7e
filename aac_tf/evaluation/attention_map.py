"""Figures of the attention: the spectrogram of a sound, and below it the attention of each word over time."""

import dataclasses
import io
import math
import pathlib
import textwrap

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from aac_tf.audio import DCASE2020, load_audio, spectrogram
from aac_tf.audio.mel import hz_to_mel
from aac_tf.utils.atomic import atomic_write

_PEAK = "C3"


def attention_map(caption, waveform, sample_rate, words=None, title=None, events=()):
    """Draws the spectrogram of a sound and the attention of a caption's words over time.

    Args:
        caption: `Caption` of the sound.
        waveform: float `[samples]`.
        sample_rate: int, in Hz.
        words: list of str, the words to draw; None draws all.
        title: str, title of the figure; None is the caption.
        events: sequence of (name, onset in seconds, offset in seconds), annotations to draw above the spectrogram.

    Returns:
        `matplotlib.figure.Figure`, with a legend. Darker means more attention; a line marks the peak of each word.

    Raises:
        ValueError: if one of the words is not in the caption.
    """
    rows = [word for word in caption.words if words is None or word.text in words]
    unknown = sorted(set(words or ()) - {word.text for word in caption.words})
    if unknown:
        raise ValueError(f"{', '.join(unknown)} is not in the caption {caption.text!r}")
    seconds = len(waveform) / sample_rate
    figure = Figure(figsize=(10, 3.0 + 0.27 * len(rows) + 0.2 * bool(events)), layout="constrained")
    FigureCanvasAgg(figure)
    ratios = [1.7, max(0.27 * len(rows), 0.5)]
    sound, weights = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": ratios})
    _draw_sound(sound, np.asarray(waveform), sample_rate, seconds, events)
    _draw_words(weights, rows, caption.step_edges, seconds)
    figure.suptitle(_wrapped(title or caption.text), fontsize=11)
    return figure


def save_attention_map(path, caption, sound, words=None):
    """Draws the attention of a sound file's caption and writes the figure to a file.

    Args:
        path: path of the PNG, PDF or SVG file to write; without an ending, the file is a PNG. An existing file is
            replaced atomically.
        caption: `Caption` of the sound.
        sound: path of the sound file.
        words: see `attention_map`.
    """
    waveform, rate = load_audio(sound)
    figure, path = attention_map(caption, waveform.numpy(), rate, words), pathlib.Path(path)
    form = path.suffix[1:].lower() or "png"
    with atomic_write(path) as unfinished:
        figure.savefig(unfinished, dpi=150, format=form)


def as_png(figure, dpi=100):
    """Renders a `matplotlib` figure.

    Args:
        figure: `matplotlib.figure.Figure`.
        dpi: int, dots per inch.

    Returns:
        bytes of a PNG file.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def _draw_sound(axes, waveform, sample_rate, seconds, events):
    # About as many frames as the figure has pixels, however long the sound is.
    hop = max(256, int(len(waveform) // 2000))
    spec = _spec(sample_rate, hop)
    shown = spectrogram(waveform, spec).numpy()
    darkest, brightest = np.percentile(shown, [5, 99.8])
    axes.imshow(
        shown.T,
        origin="lower",
        aspect="auto",
        extent=(0, seconds, 0, 1),
        cmap="magma",
        vmin=darkest,
        vmax=max(brightest, darkest + 1),
    )
    ticks = [hz for hz in (250, 1000, 4000, 16000) if spec.fmin < hz < spec.fmax]
    low, high, *places = hz_to_mel([spec.fmin, spec.fmax, *ticks], spec.mel_scale)
    axes.set_yticks((np.array(places) - low) / (high - low), [f"{hz:,}" for hz in ticks], fontsize=8)
    axes.set_ylabel("Hz (mel scale)")
    axes.tick_params(labelbottom=False)
    for name, onset, offset in events:
        axes.plot([onset, offset], [1.04, 1.04], color="C0", lw=3, clip_on=False, transform=axes.get_xaxis_transform())
        axes.text((onset + offset) / 2, 1.09, name, ha="center", fontsize=8, transform=axes.get_xaxis_transform())


def _spec(sample_rate, hop):
    length = 2 ** math.ceil(math.log2(0.04 * sample_rate))
    return dataclasses.replace(
        DCASE2020,
        sample_rate=sample_rate,
        window_length=length,
        fft_length=length,
        hop_length=hop,
        fmax=sample_rate / 2,
    )


def _draw_words(axes, rows, edges, seconds):
    weights = np.stack([word.weights for word in rows]) if rows else np.zeros([1, len(edges) - 1])
    # Each word has its own scale, so that the width of its attention shows how sharp it is, not the darkness.
    shown = weights / np.maximum(weights.max(1, keepdims=True), 1e-9)
    axes.pcolormesh(edges, np.arange(len(weights) + 1), shown, cmap="Blues", vmin=0, vmax=1, rasterized=True)
    for place, word in enumerate(rows):
        axes.plot([word.peak, word.peak], [place + 0.12, place + 0.88], color=_PEAK, lw=1.5)
    axes.set_ylim(len(weights), 0)
    axes.set_yticks(np.arange(len(rows)) + 0.5, [word.text for word in rows])
    axes.tick_params(axis="y", length=0)
    axes.hlines(np.arange(1, len(rows)), 0, seconds, color="white", lw=1)
    axes.set_xlim(0, seconds)
    axes.set_xlabel("seconds")
    axes.legend(
        handles=[
            Patch(color="#6baed6", label="attention of the word (darker: more; each word has its own scale)"),
            Line2D([], [], color=_PEAK, lw=1.5, label="its peak"),
        ],
        loc="upper center",
        bbox_to_anchor=(0.5, -0.45 / max(0.27 * len(rows), 0.5)),
        ncols=2,
        fontsize=8,
        frameon=False,
    )


def _wrapped(text):
    return "\n".join(textwrap.wrap(text, 95)) or " "
