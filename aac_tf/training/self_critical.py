"""Self-critical sequence training: captions that the model samples are rewarded by their CIDEr-D."""

import numpy as np
import tensorflow as tf

from aac_tf.data.pipeline import make_examples
from aac_tf.decoding import Rules
from aac_tf.decoding.generate import generate
from aac_tf.decoding.search import count_words, repeat_rows
from aac_tf.models.mixup import word_mixtures
from aac_tf.models.scheduled_sampling import sample_words
from aac_tf.training.cider_reward import CIDErReward


class SelfCritical:
    """Adds sampled captions to a training batch, weighted by how much better they are than others of their clip.

    The gradient of REINFORCE is that of a cross-entropy weighted with the reward, so the samples become further
    captions of their clips, and the training step is the usual one. Each sample's baseline is the mean reward of the
    other samples of its clip, which needs no greedy captions. The mean over the sampled words replaces a part of the
    mean over the words of the training captions.

    `<END>` counts as a word in the reward, since otherwise captions that break off with "and a" would be rewarded. A
    caption that is cut at the maximum number of words has no `<END>`.

    Args:
        reward: function `(captions, references) -> float32 [batch, samples]`, such as `CIDErReward`.
        weight: float from 0 to 1, weight of the self-critical loss; the rest is cross-entropy.
        end_id: int.
        max_words: int, maximum number of words of a caption.
        forbidden_ids: ids that are never sampled.

    Call arguments:
        model: `CaptioningModel`.
        inputs: dict of the inputs of the model, and `references` int `[batch, captions, max_words + 1]` from
            `clip_references` and `quantiles` float32 `[batch, samples, max_words + 1]`, uniform random numbers that the
            words are drawn with.
        targets: int `[batch, (captions,) words]`, or mixtures of `word_mixtures`.
        weights: float32 `[batch, (captions,) words]`.

    Returns:
        `inputs`, `targets` and `weights` with `captions + samples` captions of `max_words + 1` words.

    Reference:
        S. J. Rennie et al., Self-critical Sequence Training for Image Captioning, CVPR 2017,
        https://arxiv.org/abs/1612.00563

        R. Luo, A Better Variant of Self-Critical Sequence Training, 2020, https://arxiv.org/abs/2003.09971, for the
        baseline.
    """

    def __init__(self, reward, weight, end_id, max_words, forbidden_ids=()):
        self._reward = reward
        self._weight = weight
        self._end_id = end_id
        self._max_words = max_words
        self._forbidden_ids = tuple(forbidden_ids)

    def __call__(self, model, inputs, targets, weights):
        """See the class."""
        inputs = dict(inputs)
        references, quantiles = inputs.pop("references"), inputs.pop("quantiles")
        if inputs["tokens"].shape.rank == 2:
            inputs["tokens"], targets, weights = (
                tensor[:, tf.newaxis] for tensor in (inputs["tokens"], targets, weights)
            )
        tokens, (batch, captions, width) = inputs["tokens"], tf.unstack(tf.shape(weights))
        samples, columns = quantiles.shape[1], self._max_words + 1
        start = tokens[:, 0, 0]
        sampled = self.sample(model, inputs["features"], inputs["length"], start, quantiles)
        # An `<END>` that was not drawn, but ends the longest captions, is neither rewarded nor trained.
        chosen = tf.sequence_mask(tf.minimum(count_words(sampled, self._end_id) + 1, self._max_words), columns)
        rewards = self._reward(tf.where(chosen, sampled, -1), references)
        # The reward minus the mean of the others'.
        advantages = (samples * rewards - tf.reduce_sum(rewards, 1, keepdims=True)) / (samples - 1)

        filled = tf.reduce_any(weights > 0, axis=[1, 2])
        chosen = tf.cast(chosen & filled[:, tf.newaxis, tf.newaxis], tf.float32)
        replicas = tf.distribute.get_replica_context()
        total = replicas.all_reduce(tf.distribute.ReduceOp.SUM, tf.reduce_sum(chosen))
        # As in `position_weights`, the mean over all positions of the batch becomes the mean over words.
        positions = tf.cast(batch * (captions + samples) * columns * replicas.num_replicas_in_sync, tf.float32)
        sample_weights = self._weight * positions / total * chosen * advantages[..., tf.newaxis]
        wider = tf.cast((captions + samples) * columns, tf.float32) / tf.cast(captions * width, tf.float32)

        def extend(own, added):
            missing = [[0, 0]] * (added.shape.rank - 3)
            padded = tf.pad(own, [[0, 0], [0, 0], [0, columns - width], *missing])
            return tf.concat([padded, added], axis=1)

        first = tf.broadcast_to(start[:, tf.newaxis, tf.newaxis], [batch, samples, 1])
        inputs["tokens"] = extend(tokens, tf.concat([first, sampled[..., :-1]], -1))
        if targets.dtype.is_floating:
            targets = extend(targets, word_mixtures(sampled, sample_weights)[0])
        else:
            targets = extend(targets, sampled)
        return inputs, targets, extend((1 - self._weight) * wider * weights, sample_weights)

    def sample(self, model, features, length, start, quantiles):
        """Samples captions from the model as it captions, without dropout.

        Args:
            model: `CaptioningModel`.
            features: see `CaptioningModel`.
            length: see `CaptioningModel`.
            start: int32 `[batch]`, ids of the tokens before the first words.
            quantiles: see the class.

        Returns:
            int32 `[batch, samples, max_words + 1]`, padded with `end_id`.
        """
        # Not the search `Sample`, whose draws are the same for all clips: their errors would add up in the gradient.
        samples, columns = quantiles.shape[1:]
        rows = tf.reshape(quantiles, [-1, columns])
        memory = model.decoder.prepare_memory(*model.encode(features, length))
        state = repeat_rows(model.decoder.initial_state(memory, self._max_words), samples)
        rules = Rules(start, self._end_id, self._max_words, forbidden_ids=self._forbidden_ids)

        def draw(log_probs, tokens, position):
            return sample_words(log_probs, tf.gather(rows, position, axis=1))

        tokens = generate(model.decoder.step, state, memory, rules, draw).tokens
        return tf.stop_gradient(tf.reshape(tokens, [-1, samples, columns]))


def clip_references(clips, tokenizer):
    """Tokenizes the captions of clips for the reward.

    Args:
        clips: `ClipList`.
        tokenizer: `WordTokenizer`.

    Returns:
        int32 `[clips, captions, max_words + 1]`: words and `<END>`, padded with -1. Captions of the maximum number of
        words have no `<END>`, as longer ones were cut.
    """
    examples = make_examples(clips, tokenizer, "all")
    _, rows = np.unique(examples.clip, return_index=True)
    words = np.minimum(examples.words[rows] - 1, tokenizer.max_words)[..., np.newaxis]
    tokens = examples.tokens[rows, :, 1:]
    return np.where(np.arange(tokens.shape[-1]) < words, tokens, -1).astype(np.int32)


def build_self_critical(options, tokenizer, references):
    """Builds the `SelfCritical` of a run.

    Args:
        options: `TrainingConfig`.
        tokenizer: `WordTokenizer`.
        references: result of `clip_references` for the training clips.
    """
    reward = CIDErReward(references, tokenizer.vocabulary_size())
    forbidden = tokenizer.special_ids
    return SelfCritical(reward, options.self_critical, tokenizer.end_id, tokenizer.max_words, forbidden)
