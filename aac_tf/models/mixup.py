"""Mixup: mixes two clips of a batch, the words that the decoder sees and the words that it predicts.

Each clip is mixed with a partner of the same batch: `share` float `[batch]`, from 0.5 to 1, is the clip's own part and
`partner` int `[batch]` is the row of the other clip. `aac_tf.data.regularization` draws them, so nothing here is
random.

Reference:
    H. Zhang et al., mixup: Beyond Empirical Risk Minimization, ICLR 2018, https://arxiv.org/abs/1710.09412

    E. Labbé, T. Pellegrini, J. Pinquier, CoNeTTE: An Efficient Audio Captioning System Leveraging Multiple Datasets
    With Task Embedding, IEEE/ACM TASLP 2024, https://arxiv.org/abs/2309.00454, which mixes clips and embeddings of the
    previous words like this module, but predicts only the words of the clip itself.
"""

import tensorflow as tf


def mix_features(features, length, partner, share):
    """Mixes clips with their partners.

    Args:
        features: float `[batch, time, width]`; what the padding holds does not matter.
        length: int `[batch]`.
        partner: int `[batch]`, row of the partner of each clip.
        share: float `[batch]`, share of the clip itself; 1 leaves it as it is.

    Returns:
        Mixed features, in which the shorter of both clips ends with zeros, and the length of the longer one.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.models.mixup import mix_features
        >>> clips = tf.constant([[[1.0], [0.0]], [[3.0], [5.0]]])
        >>> mixed, length = mix_features(clips, tf.constant([1, 2]), tf.constant([1, 0]), tf.constant([0.5, 1.0]))
        >>> mixed[..., 0].numpy().tolist(), length.numpy().tolist()
        ([[2.0, 2.5], [3.0, 5.0]], [2, 2])
    """
    present = tf.sequence_mask(length, tf.shape(features)[1])[..., tf.newaxis]
    features = tf.where(present, features, 0)
    own = _broadcast(tf.cast(share, features.dtype), features)
    mixed = own * features + (1 - own) * tf.gather(features, partner)
    return mixed, tf.where(share < 1, tf.maximum(length, tf.gather(length, partner)), length)


def mix_words(embedded, other, shares):
    """Mixes the embeddings of the words that the decoder sees.

    Args:
        embedded: float `[..., width]`.
        other: like `embedded`, the embeddings of the partners' words.
        shares: result of `word_shares`.

    Returns:
        Like `embedded`.
    """
    own_share, other_share = (share[..., tf.newaxis] for share in shares)
    return own_share * embedded + other_share * other


def word_shares(words, width, partner, share, dtype=tf.float32):
    """The shares of the own and of the other word at each position, as `mix_words` mixes them.

    Args:
        words: int `[batch(, captions)]`, how many words of each caption are not padding. After the end of one caption,
            the words of the other are not mixed.
        width: int, number of positions of a caption.
        partner: see `mix_features`.
        share: see `mix_features`.
        dtype: of the shares.

    Returns:
        Two tensors `[batch, (captions,) width]`.
    """
    own, other, _ = _shares(tf.sequence_mask(words, width, dtype=dtype), partner, share)
    return own, other


def word_mixtures(targets, weights, smoothing=0.0, partner=None, share=None):
    """Describes distributions of the words to predict, which are mostly of one or two words.

    With mixup, the cross-entropy of the mixed distributions times the mixed weights is `share` times the weighted
    cross-entropy of the clip's own words plus `1 - share` times that of the partner's.

    Args:
        targets: int `[batch, (captions,) words]`, the words to predict.
        weights: float, like `targets`, weight of each word in the loss; 0 for padding.
        smoothing: float, label smoothing: the part of each distribution that is spread over the whole vocabulary.
        partner: see `mix_features`; None does not mix.
        share: see `mix_features`.

    Returns:
        Mixtures float32 `[batch, (captions,) words, 4]` for `aac_tf.models.loss.CaptionCrossentropy`, which hold the
        own word, the other word, the share of the own word and `smoothing`; and their weights.

    Reference:
        Label smoothing: C. Szegedy et al., Rethinking the Inception Architecture for Computer Vision, CVPR 2016,
        https://arxiv.org/abs/1512.00567
    """
    other, own_share = targets, tf.ones(tf.shape(targets))
    if share is not None:
        own_share, _, weights = _shares(weights, partner, share)
        other = tf.gather(targets, partner)
    parts = targets, other, own_share, tf.fill(tf.shape(targets), smoothing)
    return tf.stack([tf.cast(part, tf.float32) for part in parts], axis=-1), weights


def _shares(weights, partner, share):
    """The shares of own and other words at each position, which sum to 1 unless both weigh 0, and their weight."""
    part = _broadcast(tf.cast(share, weights.dtype), weights)
    own, other = part * weights, (1 - part) * tf.gather(weights, partner)
    total = own + other
    return tf.math.divide_no_nan(own, total), tf.math.divide_no_nan(other, total), total


def _broadcast(vector, like):
    return tf.reshape(vector, [-1] + [1] * (like.shape.rank - 1))
