"""Captioners of several trained models."""

from aac_tf.audio import AudioError
from aac_tf.errors import AacError
from aac_tf.inference.captioner import Captioner, _Sound
from aac_tf.inference.joint import Ensemble, Reranked


class EnsembleError(AacError, ValueError):
    """Runs that cannot be combined."""


class EnsembleCaptioner(Captioner):
    """A `Captioner` with several models, each of which hears a sound with its own front end.

    `Captioner.load` makes it from a list of runs. Search, constraints, style and `spec` are those of the first model,
    and so are attention and `sounds`.

    Args:
        members: list of `Captioner` with equal vocabularies.
        model: `Ensemble` of their models.

    Raises:
        EnsembleError: if the vocabularies differ.
    """

    def __init__(self, members, model):
        self.members = list(members)
        first = self.members[0]
        for number, other in enumerate(self.members[1:], 2):
            _check_vocabularies(first.tokenizer, other.tokenizer, number)
        super().__init__(model, first.tokenizer, first.config)

    def encode_waveforms(self, waveform, length):
        """See `Captioner.encode_waveforms`.

        Raises:
            EnsembleError: if the models hear sounds at different sample rates.
        """
        rates = sorted({member.spec.sample_rate for member in self.members})
        if len(rates) > 1:
            raise EnsembleError(
                f"an exported model takes waveforms of one sample rate, and these runs take {_listed(rates)} Hz: "
                "export runs with the same front end, or caption with the runs themselves"
            )
        return tuple(zip(*(member.encode_waveforms(waveform, length) for member in self.members)))

    def _bins(self):
        return tuple(member._bins() for member in self.members)

    def _read(self, sound, sample_rate=None):
        found = [member._read(sound, sample_rate) for member in self.members]
        error = next((one for one in found if isinstance(one, AudioError)), None)
        return error or _Sound(tuple(one.features for one in found), found[0].seconds)

    def _batch(self, sounds):
        parts = [
            member._batch([_Sound(sound.features[index], sound.seconds) for sound in sounds])
            for index, member in enumerate(self.members)
        ]
        return tuple(zip(*parts))


def combine(members, second=None):
    """Combines captioners.

    Args:
        members: list of `Captioner` that choose each word together.
        second: `Captioner` that helps to rank their captions; None ranks them by the members alone.

    Returns:
        `EnsembleCaptioner`.

    Raises:
        EnsembleError: if the vocabularies differ.
    """
    first = members[0]
    if len(members) > 1:
        first = EnsembleCaptioner(members, Ensemble([member.model for member in members]))
    if second is None:
        return first
    weight = members[0].config.decoding.rerank_weight
    return EnsembleCaptioner([first, second], Reranked([first.model, second.model], weight))


def _check_vocabularies(first, other, number):
    own, others = first.get_vocabulary(), other.get_vocabulary()
    if own != others:
        same = len(set(own) & set(others))
        how = "in another order" if same == len(own) == len(others) else f"{same} in common"
        raise EnsembleError(
            f"runs can be combined if their vocabularies are equal: the first run has {len(own)} words, run {number} "
            f"has {len(others)}, {how}. Train both with the same captions and the same vocabulary.* keys"
        )
    if first.max_words != other.max_words:
        raise EnsembleError(
            f"runs can be combined if their captions have the same maximum length: the first run has "
            f"vocabulary.max_words={first.max_words}, run {number} has {other.max_words}"
        )


def _listed(numbers):
    return " and ".join(map(str, numbers))
