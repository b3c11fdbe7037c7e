"""The sounds that a frozen encoder's classifier hears, in addition to the caption."""

import dataclasses
from typing import Optional, Tuple

import numpy as np

STRONGEST, MAX_SOUNDS = 5, 8
MIN_SCORE = 0.1
SILENCE = "Silence"  # a class of AudioSet, but not a sound


@dataclasses.dataclass(frozen=True)
class Sound:
    """A sound that the frozen encoder recognizes.

    Attributes:
        name: str, its AudioSet class, such as `Dog`.
        score: float, the highest score of the class in the recording, from 0 to 1.
        interval: (begin, end) in seconds, the part around the highest score where the class has at least half of it.
        scores: float numpy array `[segments]`, the score of the class in each segment of the frozen encoder; None if
            only the highest is known.
    """

    name: str
    score: float
    interval: Tuple[float, float]
    scores: Optional[np.ndarray] = dataclasses.field(default=None, repr=False, compare=False)


def strongest_sounds(scores, names, segment_times, seconds):
    """Finds the strongest classes of a recording, and others that are heard at other times.

    The strongest classes may all be names of one loud sound, such as Animal, Pet and Dog. The `STRONGEST` are therefore
    followed by others, chosen one by one: the class whose scores exceed those of all chosen classes by the largest sum
    over time. `Silence` is left out.

    Args:
        scores: float array `[segments, classes]`.
        names: names of the classes.
        segment_times: (first, hop) in seconds; segment i is centred at first + i * hop.
        seconds: float, length of the recording.

    Returns:
        list of up to `MAX_SOUNDS` `Sound` with a score of at least `MIN_SCORE`, strongest first.

    Reference:
        G. Nemhauser, L. Wolsey, M. Fisher, An analysis of approximations for maximizing submodular set functions,
        Mathematical Programming, 1978, for greedy choices of what covers most.

    Example:
        >>> import numpy as np
        >>> from aac_tf.inference.sounds import strongest_sounds
        >>> scores = np.array([[0.1, 0.0], [0.8, 0.0], [0.5, 0.0], [0.2, 0.3]])
        >>> for sound in strongest_sounds(scores, ["Dog", "Bell"], (0.5, 0.5), 2.4):
        ...     print(sound.name, sound.score, sound.interval)
        Dog 0.8 (0.75, 1.75)
        Bell 0.3 (1.75, 2.4)
    """
    first, hop = segment_times
    best = scores.max(axis=0)
    found = []
    for index in sorted(_chosen(scores, best, names), key=lambda index: -best[index]):
        loud = scores[:, index] >= best[index] / 2
        begin = end = int(np.argmax(scores[:, index]))
        while begin > 0 and loud[begin - 1]:
            begin -= 1
        while end + 1 < len(loud) and loud[end + 1]:
            end += 1
        # Segments overlap: each stands for the time that is closest to its centre. The last may extend beyond the end.
        start = 0.0 if begin == 0 else min(first + (begin - 0.5) * hop, seconds)
        stop = seconds if end + 1 == len(loud) else min(first + (end + 0.5) * hop, seconds)
        found.append(Sound(names[index], float(best[index]), (float(start), float(stop)), scores[:, index].copy()))
    return found


def _chosen(scores, best, names):
    """The indices of the classes that `strongest_sounds` returns."""
    heard = [
        index for index in np.argsort(-best, kind="stable") if best[index] >= MIN_SCORE and names[index] != SILENCE
    ]
    chosen, others = heard[:STRONGEST], heard[STRONGEST:]
    while others and len(chosen) < MAX_SOUNDS:
        known = scores[:, chosen].max(axis=1, keepdims=True)
        added = np.maximum(scores[:, others] - known, 0).sum(axis=0)
        if not added.any():
            break
        chosen.append(others.pop(int(np.argmax(added))))
    return chosen
