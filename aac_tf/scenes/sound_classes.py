"""How AudioSet's classes relate to the sounds of the table, and which of these cannot be heard as one sound."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from aac_tf.scenes.sounds import SOUNDS
from aac_tf.scenes.wording import canonical_category, categories_for

# A class, and the first and last of the classes that it includes or usually accompanies. AudioSet's ontology is a tree,
# and its classes are listed depth first, so the descendants of a class follow it without a gap.
_ABOVE = (
    ("Speech", "Speech", "Speech synthesizer"),
    ("Shout", "Shout", "Children shouting"),
    ("Laughter", "Laughter", "Chuckle, chortle"),
    ("Crying, sobbing", "Crying, sobbing", "Wail, moan"),
    ("Singing", "Singing", "Rapping"),
    ("Breathing", "Breathing", "Snort"),
    ("Cough", "Cough", "Throat clearing"),
    ("Walk, footsteps", "Run", "Walk, footsteps"),
    ("Animal", "Animal", "Whale vocalization"),
    ("Dog", "Dog", "Whimper (dog)"),
    ("Cat", "Cat", "Caterwaul"),
    ("Horse", "Horse", "Neigh, whinny"),
    ("Bird", "Bird", "Bird flight, flapping wings"),
    ("Insect", "Insect", "Bee, wasp, etc."),
    ("Music", "Music", "Scary music"),
    ("Guitar", "Guitar", "Strum"),
    ("Piano", "Keyboard (musical)", "Harpsichord"),
    ("Percussion", "Percussion", "Steelpan"),
    ("Orchestra", "Orchestra", "Clarinet"),
    ("Bell", "Bell", "Change ringing (campanology)"),
    ("Wind", "Wind", "Wind noise (microphone)"),
    ("Water", "Water", "Gurgling"),
    ("Water", "Water tap, faucet", "Bathtub (filling or washing)"),
    ("Water", "Toilet flush", "Toilet flush"),
    ("Water", "Liquid", "Stir"),
    ("Vehicle", "Vehicle", "Accelerating, revving, vroom"),
    ("Car", "Car", "Race car, auto racing"),
    ("Truck", "Truck", "Ice cream truck, ice cream van"),
    ("Train", "Rail transport", "Subway, metro, underground"),
    ("Aircraft", "Aircraft", "Fixed-wing aircraft, airplane"),
    ("Engine", "Vehicle", "Accelerating, revving, vroom"),
    ("Door", "Door", "Squeak"),
    ("Typing", "Typing", "Computer keyboard"),
    ("Alarm", "Alarm", "Steam whistle"),
    ("Telephone", "Telephone", "Busy signal"),
    ("Mechanisms", "Mechanisms", "Single-lens reflex camera"),
    ("Power tool", "Tools", "Drill"),
    ("Explosion", "Explosion", "Boom"),
    ("Gunshot, gunfire", "Gunshot, gunfire", "Cap gun"),
    ("Wood", "Wood", "Crack"),
)
# Too vague to label a sound: a helicopter is a vehicle, but not what captions call one.
_VAGUE = frozenset({"animal", "machine", "power tool", "vehicle", "water"})


@dataclasses.dataclass(frozen=True)
class SoundClasses:
    """The sounds of the table that a classifier knows.

    Args:
        categories: the sounds, sorted.
        classes: for each sound, the indices of its classes.
        rivals: bool `[sounds, sounds]`, whether the second sound competes with the first. A sound does not compete with
            those that it includes, accompanies or is a kind of, as a dog is an animal.
        breadth: for each sound, how many others it includes or accompanies.
        vague: bool `[sounds]`, whether the sound is too vague to label a recording.
    """

    categories: tuple[str, ...]
    classes: tuple[tuple[int, ...], ...]
    rivals: np.ndarray
    breadth: tuple[int, ...]
    vague: np.ndarray

    def scores(self, scores: np.ndarray) -> np.ndarray:
        """The highest score of the classes of each sound.

        Args:
            scores: `[segments, classes]`.

        Returns:
            `[segments, sounds]`.
        """
        return np.stack([scores[:, list(own)].max(axis=1) for own in self.classes], axis=1)


def sound_classes(names: Sequence[str]) -> SoundClasses:
    """Maps the classes of a classifier to the sounds of the table.

    Args:
        names: names of the classes, such as those of AudioSet. Classes without a sound in the table are left out.

    Returns:
        `SoundClasses`.

    Example:
        >>> from aac_tf.scenes.sound_classes import sound_classes
        >>> known = sound_classes(["Animal", "Dog", "Bark", "Cat", "Silence"])
        >>> known.categories, known.classes
        (('animal', 'cat', 'dog bark'), ((0,), (3,), (1, 2)))
        >>> known.rivals.astype(int).tolist()
        [[0, 0, 0], [0, 0, 1], [0, 1, 0]]
    """
    of_class = [canonical_category(name) for name in names]
    categories = tuple(sorted(set(of_class) & set(SOUNDS)))
    classes = tuple(tuple(i for i, found in enumerate(of_class) if found == category) for category in categories)
    below = {category: set(categories_for(category, categories)) for category in categories}
    position = {name: index for index, name in enumerate(names)}
    for name, first, last in _ABOVE:
        if name in position and first in position and last in position:
            below[canonical_category(name)].update(of_class[position[first] : position[last] + 1])
    includes = np.array([[other in below[category] for other in categories] for category in categories], bool)
    includes = includes.reshape(len(categories), len(categories))
    np.fill_diagonal(includes, True)
    breadth = tuple(int(row.sum()) - 1 for row in includes)
    vague = np.array([category in _VAGUE for category in categories], bool)
    return SoundClasses(categories, classes, ~(includes | includes.T), breadth, vague)


def one_sound(names: Sequence[str], category: str, heard: Sequence[str]) -> SoundClasses:
    """The classes of a sound, against all others that stand for a sound of the table.

    Args:
        names: names of the classes of a classifier.
        category: what to call the sound.
        heard: sounds of the table whose classes are those of the sound.

    Returns:
        `SoundClasses` of two sounds: the sound, and all its rivals, which are too vague to label a recording. Broader
        classes are no rivals, but siblings are: "Bark" is a rival of "Growling", "Dog" is not.

    Example:
        >>> from aac_tf.scenes.sound_classes import one_sound
        >>> names = ["Dog", "Bark", "Growling", "Whimper (dog)"]
        >>> one_sound(names, "dog growling", ["dog growling"]).classes
        ((2,), (1, 3))
    """
    of_class = [canonical_category(name) for name in names]
    own = tuple(index for index, found in enumerate(of_class) if found in heard)
    position = {name: index for index, name in enumerate(names)}
    above = {
        name
        for name, first, last in _ABOVE
        if first in position and last in position and any(position[first] <= index <= position[last] for index in own)
    }
    rivals = tuple(
        index
        for index, (name, found) in enumerate(zip(names, of_class))
        if index not in own and name not in above and found in SOUNDS
    )
    against = ~np.eye(2, dtype=bool)
    return SoundClasses((category, "others"), (own, rivals), against, (0, 0), np.array([False, True]))
