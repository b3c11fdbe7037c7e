"""A captioner as a graph of LiteRT's built-in operations."""

import tensorflow as tf

from aac_tf.audio import spectrogram
from aac_tf.audio.checks import sound_checks
from aac_tf.audio.levels import BEYOND, LIMIT, limit_in_graph
from aac_tf.decoding import Greedy
from aac_tf.export.lite.encoders import lite_encoder, one_row
from aac_tf.inference.graphs import search_function
from aac_tf.inference.joint import Ensemble

SEARCH = Greedy()
# The meaning of `status`, by value; the model has no strings.
STATUS = ("", *(reason for _, reason in sound_checks(1, 1, True, True)[1:]), BEYOND)


class LiteModule(tf.Module):
    """A captioner as a graph of LiteRT's built-in operations, for one clip, greedy search and its default style.

    Args:
        captioner: `Captioner`.
    """

    def __init__(self, captioner):
        super().__init__()
        model = captioner.model
        if isinstance(model, Ensemble):
            raise ValueError("a LiteRT model holds one run: export a single run, or a SavedModel of the ensemble")
        embedder = None if model.embedder is None else model.embedder.for_export()
        encoder = lite_encoder(model.encoder)
        # In closures: otherwise all functions that Keras makes for its layers would be saved, too.
        self._captioner = lambda: captioner
        self._embedder = lambda: embedder
        self._encoder = lambda: encoder
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
        captioner = self._captioner()
        model, spec, embedder = captioner.model, captioner.spec, self._embedder()
        status = _status(waveform, spec.sample_rate)
        usable = tf.equal(status, 0)
        waveform = limit_in_graph(waveform, usable)
        hidden = spectrogram(waveform[tf.newaxis], spec, dtype=tf.float32, mel_matrix=_unquantized(spec, waveform))
        hidden = one_row(hidden)
        if model.normalization is not None:
            hidden = model.normalization(hidden)
        if embedder is not None:
            hidden = one_row(embedder(hidden)[0])
        encoded = self._encoder()(hidden)
        find = search_function(model, captioner.tokenizer, SEARCH, captioner.rules())
        found = find(encoded, tf.shape(encoded)[1:2], start=tf.constant([captioner.start_id()]))
        return {
            "tokens": tf.where(usable, found.tokens[0, 0], captioner.tokenizer.end_id),
            "log_prob": tf.where(usable, found.log_probs[0, 0], tf.float32.min),
            "status": status,
        }


def _status(waveform, rate):
    """The index in `STATUS` of the first check that a waveform fails."""
    magnitude = tf.abs(waveform)
    # LiteRT has no operation for finite numbers; NaN compares false.
    finite, audible = tf.reduce_all(magnitude <= tf.float32.max), tf.reduce_any(magnitude != 0.0)
    # In whole numbers: LiteRT does not divide in float64. In the order of `STATUS`.
    conditions = [tf.size(waveform) >= _least_samples(rate), finite, audible, tf.reduce_all(magnitude <= LIMIT)]
    status = tf.constant(0)
    for index, condition in reversed(list(enumerate(conditions, 1))):
        status = tf.where(condition, status, index)
    return status


def _unquantized(spec, waveform):
    """The mel filter bank as a tensor that the converter does not recognize as a constant.

    If one factor of a product is constant, the converter quantizes it, and the other factor is quantized when the model
    runs. Magnitudes have more range than 8 bits hold: the demo model then captioned every third test scene differently.
    """
    one = 1 + tf.minimum(tf.shape(waveform), 0)
    return tf.tile(spec.mel_matrix(), tf.concat([one, [1]], axis=0))


def _least_samples(rate):
    """The smallest number of samples that is long enough for a caption."""
    return next(samples for samples in range(1, rate) if sound_checks(samples, rate, True, True)[1][0])
