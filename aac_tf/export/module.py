"""The `tf.Module` of exported captioners: waveforms or WAV files to captions in one graph."""

import tensorflow as tf

from aac_tf.audio.checks import first_reason, sound_checks
from aac_tf.audio.levels import BEYOND, LIMIT, limit_in_graph
from aac_tf.audio.load import read_wavs
from aac_tf.audio.long_spectrogram import long_spectrogram
from aac_tf.inference.graphs import explain_function, search_function, step_seconds
from aac_tf.inference.timeline_graph import TimelineGraph


class CaptioningModule(tf.Module):
    """The content of a SavedModel, which captions waveforms and WAV files.

    A row that cannot be captioned gets an empty caption and the reason in `status`; other rows are not affected.

    TF Serving's batching, and its REST interface with `instances`, require the batch as the first dimension of every
    output, which `step_seconds` does not have. For these, and for small responses, `waveform_to_text` and `wav_to_text`
    return everything except `attention` and `step_seconds`.

    Args:
        captioner: `Captioner`.
        vocabulary: path of a file with the captioner's vocabulary, one word per line; it becomes an asset.
        search: `Search`, such as `Beam(3)`.

    Returns:
        The functions return a dict of

        * `caption`: string `[batch]`, the best caption;
        * `captions`: string `[batch, size]`, all captions of the search, best first;
        * `log_probs`: float32 `[batch, size]`, their log-probabilities; below -1e30 where there is no caption;
        * `tokens`: int32 `[batch, words]`, token ids of the best caption: line numbers of the vocabulary file, counted
          from 0;
        * `attention`: float32 `[batch, words, steps]`, attention weights of these tokens;
        * `step_seconds`: float32 `[steps]`, position of the encoder steps in the clip, in seconds;
        * `status`: string `[batch]`, empty, or the reason why there is no caption.

        `timeline`, which an ensemble does not have, takes the waveform of one recording and returns a dict of

        * `begin`, `end`: float32 `[segments]`, seconds; segments follow each other without gaps;
        * `caption`: string `[segments]`, empty for silence;
        * `log_prob`: float32 `[segments]`, log-probabilities of the captions;
        * `status`: string `[1]`, as above.
    """

    def __init__(self, captioner, vocabulary, search):
        super().__init__()
        self.search = search
        # In a closure, otherwise the Keras layers would be saved with all their own functions.
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
        if len(captioner.model.members) == 1:
            graph = TimelineGraph(captioner, search, captioner.rules())
            self._graph = lambda: graph
            signature = [tf.TensorSpec([None], tf.float32, name="waveform")]
            self.timeline = tf.function(self._timeline, signature, autograph=False)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.float32, name="waveform"),
            tf.TensorSpec([None], tf.int32, name="length"),
        ],
        autograph=False,
    )
    def caption_waveform(self, waveform, length):
        """Captions waveforms at the model's sample rate, padded on the right; `length` is their number of samples.

        Full scale is 1. As in `Captioner.caption`, samples beyond ±10 are scaled down, and a clip with samples beyond
        ±10000, without sound or of less than 0.05 s has no caption.
        """
        return self._caption(self._checked(waveform, length), attention=True)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="wav_bytes")], autograph=False)
    def caption_wav(self, wav_bytes):
        """Captions WAV files of any sample rate and number of channels, given as their bytes."""
        return self._caption(self._read(wav_bytes), attention=True)

    @tf.function(input_signature=caption_waveform.input_signature, autograph=False)
    def waveform_to_text(self, waveform, length):
        """`caption_waveform` without attention."""
        return self._caption(self._checked(waveform, length), attention=False)

    @tf.function(input_signature=caption_wav.input_signature, autograph=False)
    def wav_to_text(self, wav_bytes):
        """`caption_wav` without attention."""
        return self._caption(self._read(wav_bytes), attention=False)

    def signatures(self):
        """Returns the signatures of the SavedModel, a dict of name to function."""
        return {
            "serving_default": self.caption_waveform,
            "caption_wav": self.caption_wav,
            "waveform_to_text": self.waveform_to_text,
            "wav_to_text": self.wav_to_text,
            **({"timeline": self.timeline} if hasattr(self, "timeline") else {}),
        }

    # One function for all signatures, so that the graph, with the weights of the frozen encoder, is saved only once.
    @tf.function(
        input_signature=[*caption_waveform.input_signature, tf.TensorSpec([None], tf.int32)],
        autograph=False,
    )
    def _search(self, waveform, length, start):
        """Tokens and log-probabilities of the hypotheses, and the encoder steps and their number."""
        captioner = self._captioner()
        encoded, steps = captioner.encode_waveforms(waveform, length)
        find = search_function(captioner.model, captioner.tokenizer, self.search, captioner.rules())
        return (*find(encoded, steps, start=start), encoded, steps)

    def _caption(self, checked, attention, style=None):
        waveform, length, status = _limited(*checked)
        tokenizer = self._captioner().tokenizer
        start, status = self._start(style, status)
        tokens, log_probs, encoded, steps = self._search(waveform, length, start)
        # No sound that passes the checks should give one.
        finite = tf.logical_not(tf.reduce_any(tf.math.is_nan(log_probs), axis=1))
        status = first_reason((tf.equal(status, ""), status), (finite, "no finite spectrogram"))
        usable = tf.equal(status, "")
        tokens = tf.where(usable[:, tf.newaxis, tf.newaxis], tokens, tokenizer.end_id)
        # Servers and clients read the static shapes.
        tokens = tf.ensure_shape(tokens, [None, self.search.size, tokenizer.max_words + 1])
        captions, best = self._text(tokens), tokens[:, 0]
        outputs = {
            "caption": captions[:, 0],
            "captions": captions,
            "log_probs": tf.where(usable[:, tf.newaxis], log_probs, tf.float32.min),
            "tokens": best,
            "status": status,
        }
        # Not in the graph unless it is an output, as TensorFlow would compute it nevertheless.
        return {**outputs, **self._attention(best, encoded, steps, start, usable)} if attention else outputs

    def _timeline(self, waveform, style=None):
        captioner = self._captioner()
        waveform, length, status = _limited(*self._checked(waveform[tf.newaxis], tf.shape(waveform)[:1]))
        start, status = self._start(style, status)
        features = long_spectrogram(waveform, captioner.spec, length)[0]
        finite = tf.reduce_all(tf.math.is_finite(features))[tf.newaxis]
        status = first_reason((tf.equal(status, ""), status), (finite, "no finite spectrogram"))
        seconds = tf.cast(length[0], tf.float32) / captioner.spec.sample_rate
        begin, end, tokens, log_probs = self._graph().describe_all(features, seconds, start[0])
        usable = tf.fill(tf.shape(begin), tf.equal(status[0], ""))
        outputs = {"begin": begin, "end": end, "caption": self._text(tokens), "log_prob": log_probs}
        return {**{name: tf.boolean_mask(value, usable) for name, value in outputs.items()}, "status": status}

    def _checked(self, waveform, length):
        return _checked(waveform, length, self._captioner().spec.sample_rate)

    def _read(self, wav_bytes):
        return read_wavs(wav_bytes, self._captioner().spec.sample_rate)

    def _start(self, style, status):
        """The ids of the tokens before the first words, and the status of each row; `style` is None for the default."""
        return tf.fill(tf.shape(status), self._captioner().start_id()), status

    def _attention(self, best, encoded, steps, start, usable):
        captioner = self._captioner()
        attention, _ = explain_function(captioner.model, captioner.tokenizer)(best, encoded, steps, start=start)
        # Tokens up to the end of the caption, inclusive.
        spoken = tf.cumsum(tf.cast(best == captioner.tokenizer.end_id, tf.int32), axis=1, exclusive=True) == 0
        spoken &= usable[:, tf.newaxis]
        first, hop = step_seconds(captioner.model, captioner.spec)
        return {
            "attention": tf.where(spoken[..., tf.newaxis], attention, 0.0),
            "step_seconds": first + hop * tf.range(tf.shape(tf.nest.flatten(encoded)[0])[1], dtype=tf.float32),
        }

    def _text(self, tokens):
        """`WordTokenizer.detokenize` with the vocabulary of the asset."""
        ended = tf.cumsum(tf.cast(tokens == self._captioner().tokenizer.end_id, tf.int32), axis=-1) > 0
        words = tf.where(ended, "", self._words.lookup(tf.cast(tokens, tf.int64)))
        return tf.strings.strip(tf.strings.reduce_join(words, axis=-1, separator=" "))


class _LinesOfFile(tf.lookup.TextFileInitializer):
    # TensorFlow would name the table after the file, so that the graph would contain the path on this machine.
    _shared_name = None


def _checked(waveform, length, rate):
    """Replaces invalid rows and padding by silence; returns waveforms, lengths and the status of each row."""
    samples = tf.shape(waveform)[1]
    inside = tf.sequence_mask(length, samples)
    finite = tf.reduce_all(tf.math.is_finite(waveform) | ~inside, axis=1)
    text = tf.strings.as_string
    too_long = tf.strings.join(
        ["length ", text(length), " is more than the ", text(samples), " samples of the waveform"]
    )
    none = tf.strings.join(["length ", text(length), ": a clip has at least one sample"])
    audible = tf.reduce_any(tf.not_equal(waveform, 0.0) & inside, axis=1)
    # Each row gets the reason of the first check that fails.
    status = first_reason(
        (length >= 1, none), (length <= samples, too_long), *sound_checks(length, rate, finite, audible)[1:]
    )
    usable = tf.equal(status, "")
    waveform = tf.where(inside & usable[:, tf.newaxis], waveform, 0.0)
    return waveform, tf.where(usable, length, 0), status


def _limited(waveform, length, status):
    """Scales rows far above full scale down, and refuses those that are beyond any scale."""
    waveform = tf.where(tf.sequence_mask(length, tf.shape(waveform)[1]), waveform, 0.0)
    within = tf.reduce_all(tf.abs(waveform) <= LIMIT, axis=1)
    status = first_reason((tf.equal(status, ""), status), (within, BEYOND))
    return limit_in_graph(waveform, within), tf.where(within, length, 0), status
