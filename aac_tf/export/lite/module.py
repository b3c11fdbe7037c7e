"""A captioner as a graph of LiteRT's built-in operations."""

import tensorflow as tf

from aac_tf.audio import spectrogram
from aac_tf.audio.checks import sound_checks
from aac_tf.audio.levels import BEYOND, LIMIT, limit_in_graph
from aac_tf.decoding import Greedy, Sample
from aac_tf.export.lite.encoders import lite_encoder, one_row
from aac_tf.inference.graphs import search_function

# The meaning of `status`, by value; the model has no strings.
STATUS = ("", *(reason for _, reason in sound_checks(1, 1, True, True)[1:]), BEYOND)
_ROW = 1000


class LiteModule(tf.Module):
    """A captioner as a graph of LiteRT's built-in operations, for one clip and its default style.

    Args:
        captioner: `Captioner`.
        search: `Search`, such as `Beam(3)`; None is greedy search.
        seconds: float, duration of the waveform that the model takes, with the length of the clip in it; None for
            waveforms of any length. LiteRT.js and many accelerators take fixed shapes only, and LiteRT.js no variables.

    Attributes:
        samples: int, number of samples of the waveform, or None.

    Raises:
        ValueError: if the captioner is an ensemble, the search draws random numbers, or `seconds` are too short for a
            caption.
    """

    def __init__(self, captioner, search=None, seconds=None):
        super().__init__()
        model, rate = captioner.model, captioner.spec.sample_rate
        if len(model.members) > 1:
            raise ValueError("a LiteRT model holds one run: export a single run, or a SavedModel of the ensemble")
        if isinstance(search, Sample):
            raise ValueError("a LiteRT model cannot sample: set decoding.kind=greedy or decoding.kind=beam")
        self.samples = None if seconds is None else round(seconds * rate)
        if self.samples is not None and self.samples < _least_samples(rate):
            raise ValueError(f"seconds must be at least {_least_samples(rate) / rate:g}, got {seconds:g}")
        embedder = None if model.embedder is None else model.embedder.for_export()
        encoder = lite_encoder(model.encoder, fused=self.samples is None)
        # In closures: otherwise all functions that Keras makes for its layers would be saved, too.
        self._captioner = lambda: captioner
        self._embedder = lambda: embedder
        self._encoder = lambda: encoder
        self._search = search or Greedy()
        self._weights = [*model.weights, *encoder.weights]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="waveform")], autograph=False)
    def caption_waveform(self, waveform):
        """Captions a clip at the model's sample rate.

        Args:
            waveform: float32 `[samples]`, at least one. Full scale is 1; samples beyond ±10 are scaled down.

        Returns:
            dict of `tokens` int32 `[max_words + 1]`, padded with `<END>`, which is always last; of `log_prob`, a
            float32 scalar; and of `status`, an int32 scalar: 0, or an index into `STATUS`, the reasons why a sound has
            no caption.
        """
        return self._caption(waveform)

    def signature(self):
        """The function to export: `caption_waveform`, or with `seconds` one of fixed shapes.

        The latter takes `waveform` `[self.samples]` and `length` int32 `[1]`, the number of samples of the clip; what
        comes after them has no effect. A length beyond the waveform is that of the waveform.
        """
        if self.samples is None:
            return self.caption_waveform
        waveform = tf.TensorSpec([self.samples], tf.float32, name="waveform")
        length = tf.TensorSpec([1], tf.int32, name="length")
        return tf.function(self._caption, input_signature=[waveform, length], autograph=False)

    def _caption(self, waveform, length=None):
        captioner = self._captioner()
        model, spec, embedder = captioner.model, captioner.spec, self._embedder()
        if length is not None:
            length = tf.clip_by_value(length, 0, self.samples)
            waveform = tf.where(_inside(length, self.samples), waveform, 0.0)
        count = tf.shape(waveform) if length is None else length
        status = _status(waveform, count[0], spec.sample_rate)
        usable = tf.equal(status, 0)
        waveform = limit_in_graph(waveform, usable)
        mel_matrix = _unquantized(spec, count)
        hidden = spectrogram(waveform[tf.newaxis], spec, dtype=tf.float32, mel_matrix=mel_matrix)
        hidden = one_row(hidden)
        if length is not None:
            length = spec.output_length(length)
        if embedder is not None:
            hidden, embedded = embedder(hidden, length)
            hidden, length = one_row(hidden), None if length is None else embedded
        if model.normalization is not None:
            hidden = model.normalization(hidden)
        encoded, steps = self._encoder()(hidden, length)
        find = search_function(model, captioner.tokenizer, self._search, captioner.rules())
        if length is not None:
            # Without the signature, which would hide the number of steps from the converter.
            find = find.python_function
        found = find(encoded, steps, start=tf.constant([captioner.start_id()]))
        return {
            "tokens": tf.where(usable, found.tokens[0, 0], captioner.tokenizer.end_id),
            "log_prob": tf.where(usable, found.log_probs[0, 0], tf.float32.min),
            "status": status,
        }


def _status(waveform, length, rate):
    """The index in `STATUS` of the first check that a waveform with so many samples fails."""
    magnitude = tf.abs(waveform)
    # LiteRT has no operation for finite numbers; NaN compares false.
    finite, audible = tf.reduce_all(magnitude <= tf.float32.max), tf.reduce_any(magnitude != 0.0)
    # In whole numbers: LiteRT does not divide in float64. In the order of `STATUS`.
    conditions = [length >= _least_samples(rate), finite, audible, tf.reduce_all(magnitude <= LIMIT)]
    status = tf.constant(0)
    for index, condition in reversed(list(enumerate(conditions, 1))):
        status = tf.where(condition, status, index)
    return status


def _unquantized(spec, count):
    """The mel filter bank as a tensor that the converter does not recognize as a constant.

    If one factor of a product is constant, the converter quantizes it, and the other factor is quantized when the model
    runs. Magnitudes have more range than 8 bits hold: the demo model then captioned every third test scene differently.

    Args:
        spec: `SpectrogramSpec`.
        count: int32 `[1]`, number of samples, which is known only when the model runs.

    Returns:
        float32 `[fft_length // 2 + 1, num_bins]`.
    """
    return tf.tile(spec.mel_matrix(), tf.concat([1 + tf.minimum(count, 0), [1]], axis=0))


def _inside(length, samples):
    """Whether each of `samples` is one of the first `length`, bool `[samples]`; `length` is int32 `[1]`.

    In rows: `tf.sequence_mask` would become a constant as long as the waveform.
    """
    starts = _ROW * tf.range(-(-samples // _ROW))
    return tf.reshape(tf.range(_ROW) < (length - starts)[:, tf.newaxis], [-1])[:samples]


def _least_samples(rate):
    """The smallest number of samples that is long enough for a caption."""
    return next(samples for samples in range(1, rate) if sound_checks(samples, rate, True, True)[1][0])
