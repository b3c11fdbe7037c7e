"""Several trained models as one `Captioner`: ensembles, and re-ranking by a second run."""

from aac_tf.errors import AacError
from aac_tf.inference.front_end import SoundFeatures
from aac_tf.inference.joint import Ensemble, Reranked


class EnsembleError(AacError, ValueError):
    """Runs that cannot be combined."""


class JointFrontEnd:
    """The front ends of several models as one, with the interface of `FrontEnd`; each model hears with its own.

    Features, their widths and their lengths are tuples with one entry for each model.

    Args:
        members: list of `FrontEnd` or `JointFrontEnd`.

    Attributes:
        spec: `SpectrogramSpec` of the first model.
    """

    def __init__(self, members):
        self.members = list(members)
        self.spec = self.members[0].spec

    @property
    def bins(self):
        """See `FrontEnd`."""
        return tuple(member.bins for member in self.members)

    def read(self, sound, sample_rate=None):
        """See `FrontEnd.read`."""
        # Members may have other rates, while a waveform has that of the first one unless another is given.
        sample_rate = self.spec.sample_rate if sample_rate is None else sample_rate
        found = [member.read(sound, sample_rate) for member in self.members]
        return SoundFeatures(tuple(one.features for one in found), found[0].seconds)

    def batch(self, sounds):
        """See `FrontEnd.batch`."""
        parts = [
            member.batch([SoundFeatures(sound.features[index], sound.seconds) for sound in sounds])
            for index, member in enumerate(self.members)
        ]
        return tuple(zip(*parts))

    def of_waveforms(self, waveform, length):
        """See `FrontEnd.of_waveforms`.

        Raises:
            EnsembleError: if the models hear sounds at different sample rates.
        """
        rates = sorted({member.spec.sample_rate for member in self.members})
        if len(rates) > 1:
            raise EnsembleError(
                f"an exported model takes waveforms of one sample rate, and these runs take {_listed(rates)} Hz: "
                "export runs with the same front end, or caption with the runs themselves"
            )
        return tuple(zip(*(member.of_waveforms(waveform, length) for member in self.members)))


def combine(members, second=None):
    """Combines the models of captioners.

    Search, constraints, style and `spec` of the captioner to be made are those of the first member, and so are its
    attention and the `sounds` of its captions.

    Args:
        members: list of `Captioner` that choose each word together.
        second: `Captioner` that helps to rank their captions; None ranks them by the members alone.

    Returns:
        (`Ensemble`, `JointFrontEnd`), the model and the front end of a captioner.

    Raises:
        EnsembleError: if the vocabularies differ.
    """
    first = members[0]
    for number, other in enumerate(members[1:], 2):
        _check_vocabularies(first.vocabulary, other.vocabulary, number)
    model, front_end = first.model, first.front_end
    if len(members) > 1:
        model = Ensemble([member.model for member in members])
        front_end = JointFrontEnd([member.front_end for member in members])
    if second is None:
        return model, front_end
    _check_vocabularies(first.vocabulary, second.vocabulary, 2)
    weight = first.config.decoding.rerank_weight
    return Reranked([model, second.model], weight), JointFrontEnd([front_end, second.front_end])


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
