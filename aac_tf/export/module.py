"""A captioner as one graph, from waveform, or the bytes of a WAV file, to caption, made to be saved."""

import tensorflow as tf

from aac_tf.audio import long_spectrogram
from aac_tf.audio.load import read_wavs
from aac_tf.inference.graphs import attention_function, search_function, step_seconds


class CaptioningModule(tf.Module):
    """What a SavedModel holds: waveforms or WAV files in; captions, their probabilities and attention out.

    A row that cannot be captioned gets an empty caption and, in `status`, the reason, and spares the others.

    Args:
        captioner: `Captioner`.
        vocabulary: path of a file of the captioner's vocabulary, one word a line; it becomes an asset.
        search: `Search`, such as `Beam(3)`.

    The functions return a dict of

        caption: string `[batch]`, the best caption.
        captions: string `[batch, beam]`, best first.
        log_probs: float32 `[batch, beam]`, the captions' log-probabilities; below -1e30 where there is no caption.
        tokens: int32 `[batch, words]`, the best caption's word ids: lines of the vocabulary, counted from 0.
        attention: float32 `[batch, words, steps]`, how much each of these words was taken from each step of the clip.
        step_seconds: float32 `[steps]`, the second of the clip that each step is about, see `step_seconds`.
        status: string `[batch]`, empty, or why there is no caption.

    TF Serving's batching, and its REST interface with `instances`, need the batch first in every output, which
    `step_seconds` has not; for them, and for short answers, there are `waveform_to_text` and `wav_to_text`, which give
    all but it and `attention`.
    """

    def __init__(self, captioner, vocabulary, search):
        super().__init__()
        self.search = search
        # In a closure: Keras' layers would be saved with all the functions Keras makes for them.
        self._captioner = lambda: captioner
        self._weights = list(captioner.model.weights)
        self._words = tf.lookup.StaticHashTable(
            _LinesOfFile(
                vocabulary,
                tf.int64,
                tf.lookup.TextFileIndex.LINE_NUMBER,
                tf.string,
                tf.lookup.TextFileIndex.WHOLE_LINE,
            ),
            default_value="",
        )

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.float32, name="waveform"),
            tf.TensorSpec([None], tf.int32, name="length"),
        ],
        autograph=False,
    )
    def caption_waveform(self, waveform, length):
        """Captions waveforms at the model's sample rate, padded on the right; `length` is their number of samples."""
        return self._caption(_checked(waveform, length), attention=True)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="wav_bytes")], autograph=False)
    def caption_wav(self, wav_bytes):
        """Captions WAV files, given as their bytes, of any rate and number of channels."""
        return self._caption(read_wavs(wav_bytes, self._captioner().spec.sample_rate), attention=True)

    @tf.function(input_signature=caption_waveform.input_signature, autograph=False)
    def waveform_to_text(self, waveform, length):
        """`caption_waveform` without attention."""
        return self._caption(_checked(waveform, length), attention=False)

    @tf.function(input_signature=caption_wav.input_signature, autograph=False)
    def wav_to_text(self, wav_bytes):
        """`caption_wav` without attention."""
        return self._caption(read_wavs(wav_bytes, self._captioner().spec.sample_rate), attention=False)

    def signatures(self):
        """The SavedModel's signatures: {name: function}."""
        return {
            "serving_default": self.caption_waveform,
            "caption_wav": self.caption_wav,
            "waveform_to_text": self.waveform_to_text,
            "wav_to_text": self.wav_to_text,
        }

    # One function for all signatures: the model holds the graph, and the frozen network's weights in it, once.
    @tf.function(input_signature=caption_waveform.input_signature, autograph=False)
    def _search(self, waveform, length):
        """Hypotheses' tokens and log-probabilities, and the encoder's steps and their number."""
        captioner = self._captioner()
        features = long_spectrogram(waveform, captioner.spec, length)
        encoded, steps = captioner.model.encode(features, captioner.spec.output_length(length))
        find = search_function(captioner.model, captioner.tokenizer, self.search)
        return (*find(encoded, steps), encoded, steps)

    def _caption(self, checked, attention):
        waveform, length, status = checked
        tokenizer = self._captioner().tokenizer
        tokens, log_probs, encoded, steps = self._search(waveform, length)
        usable = tf.equal(status, "")
        tokens = tf.where(usable[:, tf.newaxis, tf.newaxis], tokens, tokenizer.end_id)
        # Servers and clients read the shapes that are known.
        tokens = tf.ensure_shape(tokens, [None, self.search.size, tokenizer.max_words + 1])
        captions, best = self._text(tokens), tokens[:, 0]
        outputs = {
            "caption": captions[:, 0],
            "captions": captions,
            "log_probs": tf.where(usable[:, tf.newaxis], log_probs, tf.float32.min),
            "tokens": best,
            "status": status,
        }
        # Left out of the graph: TensorFlow would compute it even where nobody asks for it.
        return {**outputs, **self._attention(best, encoded, steps, usable)} if attention else outputs

    def _attention(self, best, encoded, steps, usable):
        captioner = self._captioner()
        attention = attention_function(captioner.model, captioner.tokenizer)(best, encoded, steps)
        # Words up to and with the end of the caption.
        spoken = tf.cumsum(tf.cast(best == captioner.tokenizer.end_id, tf.int32), axis=1, exclusive=True) == 0
        spoken &= usable[:, tf.newaxis]
        first, hop = step_seconds(captioner.model, captioner.spec)
        return {
            "attention": tf.where(spoken[..., tf.newaxis], attention, 0.0),
            "step_seconds": first + hop * tf.range(tf.shape(encoded)[1], dtype=tf.float32),
        }

    def _text(self, tokens):
        """What `WordTokenizer.detokenize` makes of a search's tokens, from the words of the asset."""
        ended = tf.cumsum(tf.cast(tokens == self._captioner().tokenizer.end_id, tf.int32), axis=-1) > 0
        words = tf.where(ended, "", self._words.lookup(tf.cast(tokens, tf.int64)))
        return tf.strings.strip(tf.strings.reduce_join(words, axis=-1, separator=" "))


class _LinesOfFile(tf.lookup.TextFileInitializer):
    # TensorFlow would name the table after the file, and the graph would hold the path that the file has here and now.
    _shared_name = None


def _checked(waveform, length):
    """Waveforms with silence in place of what cannot be captioned, and beyond their length; lengths; reasons."""
    samples = tf.shape(waveform)[1]
    inside = tf.sequence_mask(length, samples)
    finite = tf.reduce_all(tf.math.is_finite(waveform) | ~inside, axis=1)
    text = tf.strings.as_string
    too_long = tf.strings.join(
        ["length ", text(length), " is more than the ", text(samples), " samples of the waveform"]
    )
    too_short = tf.strings.join(["length ", text(length), ": a clip has at least one sample"])
    status = tf.where(finite, "", "NaN or infinite samples")
    status = tf.where(length > samples, too_long, status)
    status = tf.where(length < 1, too_short, status)
    usable = tf.equal(status, "")
    waveform = tf.where(inside & usable[:, tf.newaxis], waveform, 0.0)
    return waveform, tf.where(usable, length, 0), status
