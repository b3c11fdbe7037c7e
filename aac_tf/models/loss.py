"""The training loss: cross-entropy of the next word, averaged over the words of a batch."""

import numpy as np
import tensorflow as tf


@tf.keras.utils.register_keras_serializable("aac_tf")
class CaptionCrossentropy(tf.keras.losses.SparseCategoricalCrossentropy):
    """Cross-entropy between next words and logits.

    Keras averages over all positions of a batch, padding included. `position_weights` makes that the mean over the
    batch's words, so that no custom training step is needed, and the loss of a caption does not depend on how far its
    batch is padded or on how many replicas it is spread over.

    Call arguments:
        y_true: int `[..., words]`, or distributions as `aac_tf.models.mixup.word_mixtures` describes them, float
            `[..., words, 4]`.
        y_pred: logits float `[..., words, vocabulary_size]`.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.models.loss import CaptionCrossentropy, position_weights
        >>> targets, words = tf.constant([[3, 1, 2], [1, 2, 2]]), tf.constant([3, 2])
        >>> weights = position_weights(targets, words, positions=6)
        >>> round(float(CaptionCrossentropy()(targets, tf.zeros([2, 3, 4]), weights)), 4)  # log(4)
        1.3863
    """

    def __init__(self, name="caption_crossentropy", **kwargs):
        kwargs.setdefault("from_logits", True)
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        if tf.as_dtype(y_true.dtype).is_integer:
            return super().call(y_true, y_pred)
        return mixture_crossentropy(y_true, y_pred)


def mixture_crossentropy(mixtures, logits):
    """Cross-entropy between distributions of one or two words and logits.

    The softmax is the only distribution over the vocabulary that it computes; the gradient uses it again.

    Args:
        mixtures: float32 `[..., 4]`, from `aac_tf.models.mixup.word_mixtures`.
        logits: float32 `[..., vocabulary_size]`.

    Returns:
        float32 `[...]`.
    """
    own, other, share, smoothing = (tf.reshape(part, [-1]) for part in tf.unstack(mixtures, axis=-1))
    size = logits.shape[-1]
    own_part, other_part, even_part = (1 - smoothing) * share, (1 - smoothing) * (1 - share), smoothing / size
    own, other = tf.cast(own, tf.int32), tf.cast(other, tf.int32)

    @tf.custom_gradient
    def run(logits):
        # TensorFlow's cross-entropy of one word takes five times as long as the softmax.
        softmax = tf.nn.softmax(logits)
        # The greatest probability is at least 1 / size.
        total = tf.reduce_max(logits, axis=-1) - tf.math.log(tf.reduce_max(softmax, axis=-1))
        own_logit, other_logit = (tf.gather(logits, word, batch_dims=1) for word in (own, other))
        loss = total - own_part * own_logit - other_part * other_logit - even_part * tf.reduce_sum(logits, axis=-1)

        def to_logits(upstream):
            rows = tf.range(tf.shape(own)[0])
            places = tf.concat([tf.stack([rows, word], axis=-1) for word in (own, other)], axis=0)
            parts = -tf.concat([upstream * own_part, upstream * other_part], axis=0)
            spread = (softmax - even_part[:, tf.newaxis]) * upstream[:, tf.newaxis]
            return tf.tensor_scatter_nd_add(spread, places, parts)

        return loss, to_logits

    return tf.reshape(run(tf.reshape(logits, [-1, size])), tf.shape(logits)[:-1])


def position_weights(targets, words, positions, total=None, word_weights=None):
    """Weights that make a mean over positions the mean over words.

    Args:
        targets: int `[..., width]`, next words, padded on the right.
        words: int `[...]`, how many of them are not padding; the `<END>` of a caption counts.
        positions: number of positions that the mean is taken over, of all replicas together.
        total: number of words of all replicas together; None takes those of `words`.
        word_weights: float `[vocabulary]`, further weight of each word; None weights all alike.

    Returns:
        float32 of the shape of `targets`, 0 for padding.
    """
    total = tf.reduce_sum(words) if total is None else total
    scale = tf.cast(positions, tf.float32) / tf.cast(total, tf.float32)
    weights = tf.sequence_mask(words, tf.shape(targets)[-1], dtype=tf.float32) * scale
    return weights if word_weights is None else weights * tf.gather(tf.constant(word_weights, tf.float32), targets)


def rarity_weights(tokens, words, vocabulary_size, floor=0.5):
    """Weight of a word that falls with its count: `min f / f_w`, at least `floor`.

    Args:
        tokens: int `[..., width]`, captions that begin with `<START>` or a style.
        words: int `[...]`, how many of their tokens are not padding.
        vocabulary_size: int.
        floor: float, beta in the paper.

    Returns:
        float32 `[vocabulary_size]`; words that never occur have weight 1.

    Reference:
        K. Nguyen, K. Drossos, T. Virtanen, Temporal Sub-sampling of Audio Feature Sequences for Automated Audio
        Captioning, DCASE 2020, equations 9 and 10.
    """
    predicted = (np.arange(tokens.shape[-1]) < words[..., np.newaxis]) & (np.arange(tokens.shape[-1]) > 0)
    counts = np.bincount(tokens[predicted], minlength=vocabulary_size)
    rarest = counts[counts > 0].min()
    return np.maximum(rarest / np.maximum(counts, rarest), floor).astype(np.float32)
