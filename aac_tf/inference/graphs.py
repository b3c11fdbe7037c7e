"""Captioning as compiled functions: encode a sound once, search for words, look back at what they attended to."""

import tensorflow as tf

from aac_tf.decoding import Rules


def encode_function(model, bins):
    """Compiles the model's encoder.

    Args:
        model: `CaptioningModel`.
        bins: int, width of the features.

    Returns:
        `tf.function` from features float32 `[batch, frames, bins]` and length int32 `[batch]` to the encoder's steps
        `[batch, steps, width]` and their number int32 `[batch]`. It is traced once for all batches and lengths.
    """
    signature = [tf.TensorSpec([None, None, bins], tf.float32), tf.TensorSpec([None], tf.int32)]
    return tf.function(model.encode, signature, autograph=False)


def search_function(model, tokenizer, search):
    """Compiles a search for words.

    Args:
        model: `CaptioningModel`.
        tokenizer: `WordTokenizer`.
        search: `Search`, such as `Beam(3)`.

    Returns:
        `tf.function` from the results of `encode_function`'s to `Hypotheses` with tokens `[batch, size, words]`.
    """
    rules = Rules(
        start_id=tokenizer.start_id,
        end_id=tokenizer.end_id,
        max_words=tokenizer.max_words,
        forbidden_ids=tuple(tokenizer.special_ids),
    )

    @tf.function(input_signature=_encoded(model), autograph=False)
    def find(encoded, length):
        memory = model.decoder.prepare_memory(encoded, length)
        state = model.decoder.initial_state(memory, tokenizer.max_words)
        return search(model.decoder.step, state, memory, rules)

    return find


def attention_function(model, tokenizer):
    """Compiles the attention of given captions.

    Args:
        model: `CaptioningModel`.
        tokenizer: `WordTokenizer`.

    Returns:
        `tf.function` from tokens int32 `[batch, words]`, without `<START>`, and the results of `encode_function`'s to
        weights float32 `[batch, words, steps]`.
    """

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32), *_encoded(model)], autograph=False)
    def attend(tokens, encoded, length):
        before = tf.pad(tokens[:, :-1], [[0, 0], [1, 0]], constant_values=tokenizer.start_id)
        return model.decoder.attention(before, encoded, length)

    return attend


def step_seconds(model, spec):
    """Where the encoder's steps lie in time.

    Args:
        model: `CaptioningModel`.
        spec: `SpectrogramSpec` of what it hears.

    Returns:
        (first, hop): step i is centred `first + i * hop` seconds after the sound's start. A step that sub-sampling made
        of several lies where the first of these does.
    """
    first, hop = spec.frame_times if model.embedder is None else model.embedder.segment_times
    return first, hop * model.encoder.step_stride


def _encoded(model):
    steps = tf.TensorSpec([None, None, model.encoder.output_width], model.encoder.compute_dtype)
    return [steps, tf.TensorSpec([None], tf.int32)]
