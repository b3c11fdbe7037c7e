"""Random choices of training that concern the words of an example or several clips of a batch.

They are drawn here, from the seed of the epoch and the example, and become inputs of `CaptioningModel`. The model
itself draws nothing, so a resumed run makes the same choices as an uninterrupted one, whatever the padding.
"""

import dataclasses

import tensorflow as tf

# Streams of random numbers that belong to one example; its own seed draws the augmentation of its features.
_MIXUP, _MASKS, _DROPPED, _SAMPLED, _QUANTILE, _QUANTILES = range(6)


@dataclasses.dataclass(frozen=True)
class Regularization:
    """What is drawn for each training example.

    Args:
        mixup: float, alpha of mixup (`aac_tf.models.mixup`); 0 does not mix.
        masks: bool, whether to draw masks of the encoder's inputs (`CaptioningModel`).
        word_dropout: float, probability that the model sees `unknown_id` in place of a previous word.
        unknown_id: int, id of `<UNK>`; needed if `word_dropout` is not 0.
        scheduled_sampling: float, probability that the model sees its own word in place of a previous word
            (`aac_tf.models.scheduled_sampling`).
        sampling_epochs: int, number of epochs in which this probability rises linearly from 0.
        samples: int, number of captions to draw numbers for (`aac_tf.training.self_critical`).

    Example:
        >>> from aac_tf.data.regularization import Regularization
        >>> drawn = Regularization(mixup=0.4, word_dropout=0.1, unknown_id=3).draw([1, 2], epoch=0, shape=[5])
        >>> {name: tuple(values.shape) for name, values in drawn.items()}
        {'share': (), 'dropped': (5,)}

    Reference:
        Word dropout: S. Bowman et al., Generating Sentences from a Continuous Space, CoNLL 2016,
        https://arxiv.org/abs/1511.06349
    """

    mixup: float = 0.0
    masks: bool = False
    word_dropout: float = 0.0
    unknown_id: int | None = None
    scheduled_sampling: float = 0.0
    sampling_epochs: int = 1
    samples: int = 0

    def draw(self, seed, epoch, shape):
        """Draws the random choices for one example.

        Args:
            seed: int `[2]`.
            epoch: int or int scalar tensor, counted from 0.
            shape: list of int, shape of the example's words.

        Returns:
            dict of float32 tensors: only what is switched on.
        """

        def uniform(shape, stream):
            return tf.random.stateless_uniform(shape, tf.random.experimental.stateless_fold_in(seed, stream))

        def happens(probability, stream):
            return tf.cast(uniform(shape, stream) < probability, tf.float32)

        drawn = {}
        if self.mixup:
            drawn["share"] = draw_share(self.mixup, tf.random.experimental.stateless_fold_in(seed, _MIXUP))
        if self.masks:
            drawn["masks"] = uniform([5], _MASKS)
        if self.word_dropout:
            drawn["dropped"] = happens(self.word_dropout, _DROPPED)
        if self.scheduled_sampling:
            risen = tf.minimum(tf.cast(epoch, tf.float32) / self.sampling_epochs, 1.0)
            drawn["sampled"] = happens(self.scheduled_sampling * risen, _SAMPLED)
            drawn["quantile"] = uniform(shape, _QUANTILE)
        if self.samples:
            drawn["quantiles"] = uniform([self.samples, shape[-1]], _QUANTILES)
        return drawn

    def apply(self, drawn, inputs, words, filled):
        """Turns the choices for a batch into inputs of `CaptioningModel`.

        Args:
            drawn: dict of the results of `draw`, stacked.
            inputs: dict of `tokens` int `[batch, (captions,) words]` and other inputs.
            words: int `[batch(, captions)]`, how many words are predicted.
            filled: bool `[batch]`, false for the rows at the end that fill up the batch.

        Returns:
            dict, `inputs` with changed tokens and further inputs.
        """
        tokens = inputs["tokens"]
        width, inputs = tf.shape(tokens)[-1], dict(inputs)
        if "share" in drawn:
            inputs["partner"] = find_partners(filled)
            inputs["share"] = tf.where(filled, drawn["share"], 1.0)
            inputs["words"] = words
        if "masks" in drawn:
            inputs["masks"] = drawn["masks"]
        # The first token is `<START>` or a style.
        later = tf.range(width) > 0
        if "dropped" in drawn:
            dropped = (drawn["dropped"][..., :width] > 0) & later
            inputs["tokens"] = tf.where(dropped, self.unknown_id, tokens)
        if "sampled" in drawn:
            inputs["sampled"] = (drawn["sampled"][..., :width] > 0) & later
            inputs["quantile"] = drawn["quantile"][..., :width]
        if "quantiles" in drawn:
            inputs["quantiles"] = drawn["quantiles"]
        return inputs


def draw_share(alpha, seed):
    """Draws the share of a clip in its mixture.

    Args:
        alpha: float, parameter of the distribution Beta(alpha, alpha).
        seed: int `[2]`.

    Returns:
        float32 scalar from 0.5 to 1. The half below is folded onto it, so that a mixture is mostly its first clip.

    Example:
        >>> from aac_tf.data.regularization import draw_share
        >>> 0.5 <= float(draw_share(0.4, [1, 2])) <= 1
        True
    """
    first, second = tf.unstack(tf.random.stateless_gamma([2], seed, alpha=alpha))
    # For a small alpha, both can be too small for a float.
    share = tf.math.divide_no_nan(first, first + second)
    return tf.maximum(share, 1 - share)


def find_partners(filled):
    """Selects the partner of each row of a batch: the next one, which is a random one as batches are shuffled.

    Args:
        filled: bool `[rows]`, false for the rows at the end that fill up the batch; no row has them as its partner.

    Returns:
        int32 `[rows]`.

    Example:
        >>> from aac_tf.data.regularization import find_partners
        >>> find_partners([True, True, True, False]).numpy().tolist()
        [1, 2, 0, 0]
    """
    count = tf.reduce_sum(tf.cast(filled, tf.int32))
    following = tf.range(tf.shape(filled)[0]) + 1
    return tf.where(following < count, following, 0)
