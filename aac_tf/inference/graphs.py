"""Compiled functions for captioning: encoding, search and attention."""

import tensorflow as tf

from aac_tf.decoding import Rules

STARTS = tf.TensorSpec([None], tf.int32)


def encode_function(model, bins, scores=False):
    """Compiles the encoder of a model.

    Args:
        model: `CaptioningModel`.
        bins: int, width of the features.
        scores: bool, whether to return the scores of the frozen encoder's classifier, too; see `hears_sounds`.

    Returns:
        `tf.function` from features float32 `[batch, frames, bins]` and length int32 `[batch]` to encoded `[batch,
        steps, width]` and length int32 `[batch]`; with `scores`, to the four results of
        `CaptioningModel.encode_and_score`. It is traced once for all batch sizes and lengths.
    """
    signature = [tf.TensorSpec([None, None, bins], tf.float32), tf.TensorSpec([None], tf.int32)]
    return tf.function(model.encode_and_score if scores else model.encode, signature, autograph=False)


def hears_sounds(model):
    """Whether the frozen encoder of a model also classifies sounds."""
    return bool(getattr(model.embedder, "class_names", ()))


def search_function(model, tokenizer, search):
    """Compiles the search for captions.

    Args:
        model: `CaptioningModel`.
        tokenizer: `WordTokenizer`.
        search: `Search`, such as `Beam(3)`.

    Returns:
        `tf.function` from encoded and length, as from `encode_function`, and `start` int32 `[batch]`, the ids of the
        tokens before the first words (`WordTokenizer.style_id`), to `Hypotheses` with tokens `[batch, size, words]`.
    """

    @tf.function(input_signature=[*_encoded(model), STARTS], autograph=False)
    def find(encoded, length, start):
        rules = Rules(
            start_id=start,
            end_id=tokenizer.end_id,
            max_words=tokenizer.max_words,
            forbidden_ids=tuple(tokenizer.special_ids),
        )
        memory = model.decoder.prepare_memory(encoded, length)
        state = model.decoder.initial_state(memory, tokenizer.max_words)
        return search(model.decoder.step, state, memory, rules)

    return find


def attention_function(model):
    """Compiles the attention for given captions.

    Args:
        model: `CaptioningModel`.

    Returns:
        `tf.function` from tokens int32 `[batch, words]`, without `<START>`, encoded and length, as from
        `encode_function`, and `start`, as for `search_function`, to attention weights float32 `[batch, words, steps]`.
    """

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32), *_encoded(model), STARTS], autograph=False)
    def attend(tokens, encoded, length, start):
        before = tf.concat([start[:, tf.newaxis], tokens[:, :-1]], axis=1)
        return model.decoder.attention(before, encoded, length)

    return attend


def log_probs_function(model):
    """Compiles the log-probabilities of the words of given captions.

    Args:
        model: `CaptioningModel`.

    Returns:
        `tf.function` with the arguments of `attention_function` to the natural logarithm of the probability of each
        token, float32 `[batch, words]`.
    """

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32), *_encoded(model), STARTS], autograph=False)
    def score(tokens, encoded, length, start):
        before = tf.concat([start[:, tf.newaxis], tokens[:, :-1]], axis=1)
        log_probs = tf.nn.log_softmax(model.decoder(before, encoded, length))
        return tf.gather(log_probs, tokens, batch_dims=2)

    return score


def step_seconds(model, spec):
    """Computes the position of the encoder steps in time.

    Args:
        model: `CaptioningModel`.
        spec: `SpectrogramSpec` of the model's input.

    Returns:
        (first, hop) in seconds: step i is centred `first + i * hop` after the start of the sound. A step after
        sub-sampling is at the position of the first of the steps that it stands for.
    """
    first, hop = spec.frame_times if model.embedder is None else model.embedder.segment_times
    return first, hop * model.encoder.step_stride


def _encoded(model):
    steps = tf.TensorSpec([None, None, model.encoder.output_width], model.encoder.compute_dtype)
    return [steps, tf.TensorSpec([None], tf.int32)]
