"""Compiled functions for captioning: encoding, search and attention."""

import tensorflow as tf

from aac_tf.decoding import Rules
from aac_tf.inference.given import Given

STARTS = tf.TensorSpec([None], tf.int32)


def encode_function(model, bins):
    """Compiles the encoder of a model.

    Args:
        model: `CaptioningModel`, or `Ensemble`, whose features, lengths and results are tuples.
        bins: int, width of the features; for an `Ensemble` a tuple.

    Returns:
        `tf.function` from features float32 `[batch, frames, bins]` and length int32 `[batch]` to encoded `[batch,
        steps, width]` and length int32 `[batch]`. It is traced once for all batch sizes and lengths.
    """
    return tf.function(model.encode, _sequences(bins), autograph=False)


def embed_function(model, bins):
    """Compiles `CaptioningModel.embed_and_score`, which takes most of the time; arguments as for `encode_function`."""
    return tf.function(model.embed_and_score, _sequences(bins), autograph=False)


def encode_embedded_function(model, bins):
    """Compiles `CaptioningModel.encode_embedded`, the rest of the encoder; arguments as for `encode_function`."""
    return tf.function(model.encode_embedded, _sequences(model.embedded_width(bins)), autograph=False)


def _sequences(width):
    """The signature of sequences float32 `[batch, time, width]` and their lengths; tuples of them for an `Ensemble`."""
    sequence = tf.nest.map_structure(lambda one: tf.TensorSpec([None, None, one], tf.float32), width)
    return [sequence, tf.nest.map_structure(lambda _: tf.TensorSpec([None], tf.int32), width)]


def hears_sounds(model):
    """Whether the frozen encoder of a model also classifies sounds."""
    return bool(getattr(model.embedder, "class_names", ()))


def search_function(model, vocabulary, search, rules=None):
    """Compiles the search for captions.

    Args:
        model: `CaptioningModel`, or `Ensemble`.
        vocabulary: `Vocabulary`.
        search: `Search`, such as `Beam(3)`.
        rules: dict of `Constraints.rules`; None constrains nothing.

    Returns:
        `tf.function` from encoded and length, as from `encode_function`, and `start` int32 `[batch]`, the ids of the
        tokens before the first words (`WordTokenizer.style_id`), to `Hypotheses` with tokens `[batch, size, words]`.
    """
    rules = {"max_words": vocabulary.max_words, **(rules or {})}
    rules["forbidden_ids"] = (*vocabulary.special_ids, *rules.get("forbidden_ids", ()))
    words = vocabulary.max_words

    @tf.function(input_signature=[*model.encoded_spec, STARTS], autograph=False)
    def find(encoded, length, start):
        found = model.find(search, Rules(start, vocabulary.end_id, **rules), encoded, length, words)
        # The shape of the tokens is that of the vocabulary's longest captions, whatever the constraints.
        columns = [[0, 0], [0, 0], [0, words - rules["max_words"]]]
        return found._replace(tokens=tf.pad(found.tokens, columns, constant_values=vocabulary.end_id))

    return find


def score_function(model, vocabulary):
    """Compiles the log-probability of given captions.

    Args:
        model: `CaptioningModel`, or `Ensemble`.
        vocabulary: `Vocabulary`.

    Returns:
        `tf.function` from tokens int32 `[batch, max_words + 1]`, without `<START>` and padded with `<END>`, and
        encoded, length and `start`, as for `search_function`, to float32 `[batch]`.
    """
    tokens = tf.TensorSpec([None, vocabulary.max_words + 1], tf.int32)

    @tf.function(input_signature=[tokens, *model.encoded_spec, STARTS], autograph=False)
    def score(tokens, encoded, length, start):
        rules = Rules(start, vocabulary.end_id, vocabulary.max_words, min_words=0)
        return model.find(Given(tokens[:, tf.newaxis]), rules, encoded, length, vocabulary.max_words).log_probs[:, 0]

    return score


def explain_function(model, vocabulary, log_probs=False):
    """Compiles the attention and the log-probabilities of the words of given captions.

    Args:
        model: `CaptioningModel`; or `Ensemble`, whose attention is that of its first model.
        vocabulary: `Vocabulary`.
        log_probs: bool, whether log-probabilities are wanted.

    Returns:
        `tf.function` with the arguments of `score_function` to attention weights float32 `[batch, max_words + 1,
        steps]` and the natural logarithm of the probability of each token, float32 `[batch, max_words + 1]`; None if
        not wanted.
    """
    tokens = tf.TensorSpec([None, vocabulary.max_words + 1], tf.int32)

    @tf.function(input_signature=[tokens, *model.encoded_spec, STARTS], autograph=False)
    def explain(tokens, encoded, length, start):
        before = tf.concat([start[:, tf.newaxis], tokens[:, :-1]], axis=1)
        logits, attention = model.decoder.explain(before, encoded, length)
        return attention, tf.gather(tf.nn.log_softmax(logits), tokens, batch_dims=2) if log_probs else None

    return explain


def step_seconds(model, spec):
    """Computes the position of the encoder steps in time.

    Args:
        model: `CaptioningModel`; or `Ensemble`, whose first model is used.
        spec: `SpectrogramSpec` of the model's input.

    Returns:
        (first, hop) in seconds: step i is centred `first + i * hop` after the start of the sound. A step after
        sub-sampling has the position of the first step that it stands for.
    """
    first, hop = spec.frame_times if model.embedder is None else model.embedder.segment_times
    return first, hop * model.encoder.step_stride
