"""The contract of decoders: encoder steps in, logits of words out."""

import tensorflow as tf


class Decoder(tf.keras.layers.Layer):
    """Base class of decoders, which predict a caption word by word from the steps of an encoder.

    A decoder computes the same logits in two ways: all words of given captions at once with `call`, as training does,
    and one word after another, as a search does:

        memory = decoder.prepare_memory(encoded, length)
        state = decoder.initial_state(memory, max_words)
        logits, state = decoder.step(tokens, state, memory)

    `memory` is what stays the same for all words of a clip, `state` what changes from word to word. Both are nests of
    tensors with the batch as their first axis. Steps keep the dtypes of the state, and the sizes that are known when a
    function is traced; other sizes may change.

    A clip may have several rows, one for each of its captions or hypotheses: `tokens` and `state` then have `batch * k`
    rows, the k rows of a clip next to each other, while `encoded`, `length` and `memory` keep `batch` rows.

    A subclass implements `prepare_memory`, `initial_state`, `step`, `embed`, `call` and `attention`, sets an attribute
    for each constructor argument and returns these arguments from `get_config()`. Padding of `encoded` must not change
    any result, and a word depends only on the words before it. Logits and attention are float32 whatever the precision
    policy. Random numbers come from `CheckpointedDropout` or another source whose state checkpoints hold; otherwise a
    resumed training run would differ from an uninterrupted one.

    `check_decoder` in `tests/contracts/decoder.py` tests all of this for any decoder.

    Attributes:
        uses_tokens: bool, whether the words before a word change its logits. If not, no style can be learnt, and
            `embed` is not needed.

    Args:
        vocabulary_size: int. Further arguments of a subclass have defaults.

    Call arguments:
        tokens: int `[batch * k, words]`, the words before those that are predicted, `<START>` or a style first; or
            their embeddings float `[batch * k, words, width]` from `embed`, which training may mix.
        encoded: float `[batch, steps, width]`, what an `Encoder` returns.
        length: int `[batch]`, valid steps of each clip.
        training: bool.

    Returns:
        Logits float32 `[batch * k, words, vocabulary_size]`.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.models import AttentionDecoder
        >>> decoder = AttentionDecoder(vocabulary_size=11, units=6)
        >>> encoded, length, tokens = tf.ones([2, 7, 8]), tf.constant([7, 3]), tf.constant([[1, 5, 6], [1, 8, 2]])
        >>> logits = decoder(tokens, encoded, length)
        >>> logits.shape, decoder.attention(tokens, encoded, length).shape
        (TensorShape([2, 3, 11]), TensorShape([2, 3, 7]))
        >>> memory = decoder.prepare_memory(encoded, length)
        >>> state = decoder.initial_state(memory, max_words=3)
        >>> for word in range(3):
        ...     step_logits, state = decoder.step(tokens[:, word], state, memory)
        ...     tf.debugging.assert_near(step_logits, logits[:, word], atol=1e-5)
    """

    uses_tokens = True

    def __init__(self, vocabulary_size, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size

    def prepare_memory(self, encoded, length):
        """Computes what stays the same for all words of a clip.

        Args:
            encoded: as for a call.
            length: as for a call.

        Returns:
            nest of tensors `[batch, ...]`.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `prepare_memory`")

    def initial_state(self, memory, max_words):
        """The state before the first word.

        Args:
            memory: result of `prepare_memory`.
            max_words: int, maximum number of words of a caption without `<END>`: `step` is called at most
                `max_words + 1` times. A cache of keys and values takes its size from it.

        Returns:
            nest of tensors `[batch, ...]`, at least one. A search repeats each row k times. If the size of the batch is
            known when the function is traced, as for XLA, steps keep all sizes.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `initial_state`")

    def step(self, tokens, state, memory):
        """Predicts the next word.

        Args:
            tokens: int `[batch * k]`, the previous word of each row, `<START>` or a style at first.
            state: nest of tensors `[batch * k, ...]`.
            memory: result of `prepare_memory`, `[batch, ...]`.

        Returns:
            Logits float32 `[batch * k, vocabulary_size]` and the new state.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `step`")

    def embed(self, tokens):
        """Embeds words.

        Args:
            tokens: int `[...]`.

        Returns:
            float `[..., width]`, in the compute dtype. Each word is embedded by itself, without its position.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `embed`")

    def embedded(self, tokens):
        """Embeds the words of a call, unless they are embeddings already."""
        return tokens if tf.as_dtype(tokens.dtype).is_floating else self.embed(tokens)

    def call(self, tokens, encoded, length, training=None):
        raise NotImplementedError(f"{type(self).__name__} must define `call`")

    def packed(self, words, packing, encoded, length, training=None):
        """Predicts words as a call does, without their padding.

        Args:
            words: int `[positions]`, or their embeddings float `[positions, width]`.
            packing: `aac_tf.models.packing.Packing` of the captions, `batch * k` rows.
            encoded: as for a call.
            length: as for a call.
            training: bool.

        Returns:
            Logits float32 `[positions, vocabulary_size]`. A subclass that can leave out padding overrides this.
        """
        return packing.pack(self(packing.unpack(words), encoded, length, training=training))

    def attention(self, tokens, encoded, length):
        """Shows which encoder steps each word was predicted from.

        Args:
            tokens: as for a call.
            encoded: as for a call.
            length: as for a call.

        Returns:
            Weights float32 `[batch * k, words, steps]` of the words after `tokens`: a distribution over the valid steps
            of the clip, zero beyond its length.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `attention`")

    def explain(self, tokens, encoded, length):
        """Predicts words as a call does, and shows which encoder steps each was predicted from.

        A subclass that computes both at once overrides this.

        Args:
            tokens: as for a call.
            encoded: as for a call.
            length: as for a call.

        Returns:
            The results of a call and of `attention`.
        """
        return self(tokens, encoded, length), self.attention(tokens, encoded, length)

    def training_floats(self, rows, words, steps):
        """Estimates how many numbers a training step holds in memory at once; see `Encoder.training_floats`.

        Args:
            rows: int, number of captions.
            words: int, number of words of the longest.
            steps: int, number of encoder steps.

        Returns:
            int.
        """
        return 3 * rows * words * self.vocabulary_size

    def get_config(self):
        return {**super().get_config(), "vocabulary_size": self.vocabulary_size}
