"""Several models as one: an ensemble, and re-ranking by a second model."""

import tensorflow as tf

from aac_tf.decoding import Hypotheses, score_captions


def find_captions(decoder, search, rules, encoded, length, max_words):
    """Searches for captions with one decoder.

    Args:
        decoder: `Decoder`.
        search: `Search`.
        rules: `Rules`.
        encoded: see `Decoder`.
        length: see `Decoder`.
        max_words: int, maximum number of words that the decoder was trained for.

    Returns:
        `Hypotheses`.
    """
    memory = decoder.prepare_memory(encoded, length)
    return search(decoder.step, decoder.initial_state(memory, max_words), memory, rules)


def score_with(decoder, tokens, rules, encoded, length, max_words):
    """The log-probabilities float32 `[batch, size]` of captions int32 `[batch, size, columns]` under one decoder."""
    memory = decoder.prepare_memory(encoded, length)
    state = decoder.initial_state(memory, max_words)
    return score_captions(decoder.step, state, memory, rules.start_id, rules.end_id, tokens)


class JointDecoder:
    """Decoders of an ensemble as one, with the interface of `Decoder` for inference.

    Its logits are the mean of the decoders' log-probabilities. The search normalizes them, so each word comes from the
    geometric mean of the distributions. A word needs the consent of all models, unlike with the arithmetic mean.

    Args:
        decoders: list of `Decoder`; `encoded`, `length`, memory and state are tuples with one entry for each.
    """

    def __init__(self, decoders):
        self.decoders = decoders

    def prepare_memory(self, encoded, length):
        """See `Decoder.prepare_memory`."""
        return tuple(decoder.prepare_memory(*clip) for decoder, *clip in zip(self.decoders, encoded, length))

    def initial_state(self, memory, max_words):
        """See `Decoder.initial_state`."""
        return tuple(decoder.initial_state(own, max_words) for decoder, own in zip(self.decoders, memory))

    def step(self, tokens, state, memory):
        """See `Decoder.step`."""
        found = [decoder.step(tokens, *own) for decoder, *own in zip(self.decoders, state, memory)]
        # The mean of the logits differs from that of the log-probabilities by the same number for all words.
        return tf.add_n([logits for logits, _ in found]) / len(found), tuple(state for _, state in found)

    def attention(self, tokens, encoded, length):
        """The attention of the first decoder; see `Decoder.attention`."""
        return self.decoders[0].attention(tokens, encoded[0], length[0])


class Ensemble:
    """Models of equal vocabularies that choose each word together; their encoders and front ends may differ.

    It has the interface of `CaptioningModel` for inference. Features, encoder steps and their numbers are tuples with
    one entry for each model. Attention and the position of encoder steps are those of the first model.

    Args:
        models: list of `CaptioningModel`.
    """

    def __init__(self, models):
        self.models = list(models)
        self.decoder = JointDecoder([model.decoder for model in self.models])
        first = self.models[0]
        self.encoder, self.embedder, self.normalization = first.encoder, first.embedder, first.normalization

    @property
    def weights(self):
        """The weights of all models."""
        return [weight for model in self.models for weight in model.weights]

    def encode(self, features, length):
        """See `CaptioningModel.encode`."""
        encoded, steps = zip(*(model.encode(*clip) for model, *clip in zip(self.models, features, length)))
        return encoded, steps

    def encode_and_score(self, features, length):
        """See `CaptioningModel.encode_and_score`; the scores are those of the first model."""
        first, steps, scores, segments = self.models[0].encode_and_score(features[0], length[0])
        others = [model.encode(*clip) for model, *clip in zip(self.models[1:], features[1:], length[1:])]
        encoded, lengths = zip((first, steps), *others)
        return encoded, lengths, scores, segments

    def find(self, search, rules, encoded, length, max_words):
        """See `find_captions`."""
        return find_captions(self.decoder, search, rules, encoded, length, max_words)

    def score(self, tokens, rules, encoded, length, max_words):
        """See `score_with`."""
        return score_with(self.decoder, tokens, rules, encoded, length, max_words)


class Reranked(Ensemble):
    """A model whose captions a second model helps to rank: the first one finds them, both score them.

    The log-probability of a caption is `(1 - weight) * first + weight * second`.

    Args:
        models: list of two `CaptioningModel`.
        weight: float, from 0 to 1.

    Reference:
        F. J. Och, H. Ney, "Discriminative Training and Maximum Entropy Models for Statistical Machine Translation",
        ACL 2002, for the log-linear combination of models.
    """

    def __init__(self, models, weight):
        super().__init__(models)
        self.weight = weight

    def find(self, search, rules, encoded, length, max_words):
        """See `find_captions`."""
        decoder = self.models[0].decoder
        found = find_captions(decoder, search, rules, encoded[0], length[0], max_words)
        second = score_with(self.models[1].decoder, found.tokens, rules, encoded[1], length[1], max_words)
        # A beam that is wider than the number of possible captions contains impossible ones, too.
        possible = found.log_probs > -1e30
        log_probs = tf.where(possible, self._mean(found.log_probs, second), found.log_probs)
        return search.rank(Hypotheses(found.tokens, log_probs), rules.end_id)

    def score(self, tokens, rules, encoded, length, max_words):
        """See `score_with`."""
        scores = [
            score_with(model.decoder, tokens, rules, own, steps, max_words)
            for model, own, steps in zip(self.models, encoded, length)
        ]
        return self._mean(*scores)

    def _mean(self, first, second):
        return (1 - self.weight) * first + self.weight * second
