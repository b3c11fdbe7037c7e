"""A captioner as a graph that LiteRT's built-in operations can compute."""

import itertools

import tensorflow as tf

from aac_tf.audio import spectrogram
from aac_tf.build import build_search
from aac_tf.export.lite.recurrent import LiteBidirectional
from aac_tf.models.recurrent import subsampled_length


class LiteModule(tf.Module):
    """A captioner as a graph that LiteRT's built-in operations can compute: one clip, greedy search.

    Args:
        captioner: `Captioner`.
    """

    def __init__(self, captioner):
        super().__init__()
        model = captioner.model
        embedder = model.embedder
        if embedder is not None:
            # All windows at once and in float32: LiteRT can neither loop over parts of them nor compute in bfloat16.
            settings = {**embedder.get_config(), "batch_windows": None}
            settings |= {"precision": "float32"} if "precision" in settings else {}
            embedder = type(embedder).from_config(settings)
        # In closures: Keras' layers would be saved with all the functions Keras makes for them.
        self._captioner = lambda: captioner
        self._embedder = lambda: embedder
        marks = itertools.count(1)
        recurrent = [LiteBidirectional(layer, marks) for layer in model.encoder.bidirectional]
        self._recurrent = lambda: recurrent
        self._weights = [*model.weights, *(weight for run in recurrent for weight in run.weights)]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="waveform")], autograph=False)
    def caption_waveform(self, waveform):
        """Captions a clip at the model's sample rate.

        Args:
            waveform: float32 `[samples]`, at least one.

        Returns:
            dict of `tokens` int32 `[max_words + 1]`, `<END>` last and from there on, and `log_prob` float32, a scalar.
        """
        captioner = self._captioner()
        model, spec, embedder = captioner.model, captioner.spec, self._embedder()
        hidden = spectrogram(waveform[tf.newaxis], spec, dtype=tf.float32, mel_matrix=_unquantized(spec, waveform))
        hidden = _one_row(hidden)
        if model.normalization is not None:
            hidden = model.normalization(hidden)
        if embedder is not None:
            hidden, _ = embedder(hidden)
        encoded = self._encode(hidden)
        found = build_search(captioner.config, model, captioner.tokenizer, beam_size=1)(encoded, tf.shape(encoded)[1:2])
        return {"tokens": found.tokens[0, 0], "log_prob": found.log_probs[0, 0]}

    def _encode(self, hidden):
        """What the encoder returns for one clip, `[1, steps, width]`."""
        encoder = self._captioner().model.encoder
        for index, run in enumerate(self._recurrent()):
            if index and encoder.subsampling > 1:
                kept = subsampled_length(tf.shape(hidden)[1], encoder.subsampling)
                hidden = hidden[:, :: encoder.subsampling][:, :kept]
            hidden = _one_row(hidden)
            output = run(hidden)
            hidden = hidden + output if encoder.residual and index else output
        return hidden


def _one_row(hidden):
    """The same tensor `[1, steps, width]`, so that the converter, too, knows that it has one row."""
    return tf.reshape(hidden, [1, -1, hidden.shape[-1]])


def _unquantized(spec, waveform):
    """The mel filter bank as a tensor that the converter takes for no constant.

    Constant factors of a product are quantized, and then the other factor is, too, when the model runs; but magnitudes
    have more range than 8 bits hold: the model of the demo then said something else in every third test scene.
    """
    one = 1 + tf.minimum(tf.shape(waveform), 0)
    return tf.tile(spec.mel_matrix(), tf.concat([one, [1]], axis=0))
