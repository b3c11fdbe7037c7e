"""Temporal attention."""

import tensorflow as tf

from aac_tf.models.blocks import over_steps
from aac_tf.models.dense import Dense


@tf.keras.utils.register_keras_serializable("aac_tf")
class TemporalAttention(tf.keras.layers.Layer):
    """Additive attention over time with a ReLU.

    `alpha = relu(E We + h Wh)`, `A = softmax(alpha Wa)` over the valid steps, `context = A E`: the attention of
    Bahdanau et al. with ReLU in place of tanh. The softmax is computed in float32 whatever the precision policy.

    Args:
        units: int, width of alpha.

    Call arguments:
        query: float `[batch, features]`, or `[batch, words, features]` for several words at once.
        encoded: float `[batch, steps, width]`.
        mask: bool `[batch, steps]`, True for valid steps; None if all are valid.
        keys: result of `project(encoded)`, to compute it once for many words; None computes it.

    Returns:
        `context` `[batch, (words,) width]`, of the dtype of `encoded`, and `weights` float32
        `[batch, (words,) steps]`, zero where masked.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.models import TemporalAttention
        >>> context, weights = TemporalAttention(units=5)(tf.ones([2, 3]), tf.ones([2, 4, 8]))
        >>> context.shape, weights.shape
        (TensorShape([2, 8]), TensorShape([2, 4]))

    Reference:
        D. Bahdanau, K. Cho, Y. Bengio, Neural Machine Translation by Jointly Learning to Align and Translate,
        ICLR 2015.
    """

    def __init__(self, units=256, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        policy = self.dtype_policy
        self._encoded = Dense(units, name="attention_keys", dtype=policy)
        self._query = Dense(units, use_bias=False, name="attention_query", dtype=policy)
        self._score = Dense(1, use_bias=False, name="attention_score", dtype=policy)

    @property
    def query_kernel(self):
        """Wh, float `[features, units]`."""
        return self._query.kernel

    @property
    def score_kernel(self):
        """Wa, float `[units, 1]`."""
        return self._score.kernel

    def project(self, encoded):
        """Computes the part of alpha that does not depend on the query, `[batch, steps, units]`."""
        return self._encoded(encoded)

    def call(self, query, encoded, mask=None, keys=None):
        keys = self.project(encoded) if keys is None else keys
        if query.shape.rank == 3:
            keys = keys[:, tf.newaxis]
            mask = None if mask is None else mask[:, tf.newaxis]
        query = tf.expand_dims(self._query(query), axis=-2)

        def score(keys):
            return tf.cast(self._score(tf.nn.relu(keys + query))[..., 0], tf.float32)

        scores = over_steps(score, keys)
        if mask is not None:
            scores = tf.where(mask, scores, scores.dtype.min)
        weights = tf.nn.softmax(scores, axis=-1)
        if mask is not None:
            weights = tf.where(mask, weights, 0.0)
        pattern = "bt,btf->bf" if weights.shape.rank == 2 else "bwt,btf->bwf"
        context = tf.einsum(pattern, tf.cast(weights, encoded.dtype), encoded)
        return context, weights

    def get_config(self):
        return {**super().get_config(), "units": self.units}
