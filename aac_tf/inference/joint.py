"""Several models as one: an ensemble, and re-ranking by a second model."""

import tensorflow as tf

from aac_tf.decoding import Hypotheses
from aac_tf.inference.given import Given


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
        return _mean_logits(found), tuple(state for _, state in found)

    def explain(self, tokens, encoded, length):
        """See `Decoder.explain`; the attention is that of the first decoder."""
        found = [decoder.explain(tokens, *clip) for decoder, *clip in zip(self.decoders, encoded, length)]
        return _mean_logits(found), found[0][1]


def _mean_logits(found):
    # It differs from the mean of the log-probabilities by the same number for all words.
    return tf.add_n([logits for logits, _ in found]) / len(found)


class Ensemble:
    """Models of equal vocabularies that choose each word together; their encoders and front ends may differ.

    It has the interface of `CaptioningModel` for inference. Features, encoder steps and their numbers are tuples with
    one entry for each model. Attention and the position of encoder steps are those of the first model.

    Args:
        members: list of `CaptioningModel`.
    """

    def __init__(self, members):
        self.members = tuple(members)
        self.decoder = JointDecoder([model.decoder for model in self.members])
        first = self.members[0]
        self.encoder, self.embedder, self.normalization = first.encoder, first.embedder, first.normalization

    @property
    def weights(self):
        """The weights of all models."""
        return [weight for model in self.members for weight in model.weights]

    @property
    def encoded_spec(self):
        """See `CaptioningModel.encoded_spec`."""
        return [tuple(specs) for specs in zip(*(model.encoded_spec for model in self.members))]

    def encode(self, features, length):
        """See `CaptioningModel.encode`."""
        encoded, steps = zip(*(model.encode(*clip) for model, *clip in zip(self.members, features, length)))
        return encoded, steps

    def embed_and_score(self, features, length):
        """See `CaptioningModel.embed_and_score`; the scores are those of the first model."""
        found = (model.embed_and_score(*clip) for model, *clip in zip(self.members, features, length))
        embedding, scores, segments = zip(*found)
        return embedding, scores[0], segments

    def encode_embedded(self, embedding, length):
        """See `CaptioningModel.encode_embedded`."""
        encoded, steps = zip(*(model.encode_embedded(*clip) for model, *clip in zip(self.members, embedding, length)))
        return encoded, steps

    def embedded_width(self, bins):
        """See `CaptioningModel.embedded_width`."""
        return tuple(model.embedded_width(width) for model, width in zip(self.members, bins))

    def find(self, search, rules, encoded, length, max_words):
        """See `CaptioningModel.find`."""
        memory = self.decoder.prepare_memory(encoded, length)
        return search(self.decoder.step, self.decoder.initial_state(memory, max_words), memory, rules)


class Reranked(Ensemble):
    """A model whose captions a second model helps to rank: the first one finds them, both score them.

    The log-probability of a caption is `(1 - weight) * first + weight * second`.

    Args:
        members: list of two models.
        weight: float, from 0 to 1.

    Reference:
        F. J. Och, H. Ney, "Discriminative Training and Maximum Entropy Models for Statistical Machine Translation",
        ACL 2002, for the log-linear combination of models.
    """

    def __init__(self, members, weight):
        super().__init__(members)
        self.weight = weight

    def find(self, search, rules, encoded, length, max_words):
        """See `CaptioningModel.find`; both models score the captions that the first one finds."""
        first, second = self.members
        found = first.find(search, rules, encoded[0], length[0], max_words)
        again = second.find(Given(found.tokens), rules, encoded[1], length[1], max_words)
        # A beam that is wider than the number of possible captions contains impossible ones, too.
        possible = found.log_probs > -1e30
        mean = (1 - self.weight) * found.log_probs + self.weight * again.log_probs
        return search.rank(Hypotheses(found.tokens, tf.where(possible, mean, found.log_probs)), rules.end_id)
