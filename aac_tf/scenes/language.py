"""The small language of the scene captions: how a sound is worded, how a scene is told, and which words name a sound.

The captions that `aac_tf.scenes.composer` writes and the words that `aac_tf.scenes.event_scores` looks for come from the
one table here, so a new kind of sound is one new row.
"""

from __future__ import annotations

import functools
import itertools
import re
from dataclasses import dataclass
from typing import Iterable, List, Sequence, Tuple

import numpy as np

MAX_WORDS = 20

# category | subject | verb | participle | words that name it, and nothing else | other labels | may lie behind others
_TABLE = """
airplane        | an airplane    | passes    | passing     | airplane, plane             | | sustained
alarm           | an alarm       | beeps     | beeping     | alarm, alarm clock, beeps, beeping | clock alarm, beep |
baby cry        | a baby         | cries     | crying      | baby, cries, crying         | crying baby |
bell            | a bell         | tolls     | tolling     | bell, bells, tolls, tolling | church bells, church bell |
birdsong        | birds          | sing      | singing     | birds, bird                 | chirping birds, birds |
breathing       | someone        | breathes  | breathing   | breathes, breathing         | |
brushing teeth  | someone        | brushes teeth | brushing teeth | teeth, brushes, brushing    | |
can opening     | a soda can     | opens     | opening     | soda                        | |
car horn        | a car horn     | honks     | honking     | horn, honks, honking        | horn |
cat             | a cat          | meows     | meowing     | cat, meows, meowing         | meow |
chainsaw        | a chainsaw     | cuts      | cutting     | chainsaw                    | | sustained
clapping        | people         | clap      | clapping    | clap, clapping, applause    | applause |
clock           | a clock        | ticks     | ticking     | clock, ticks, ticking       | clock tick |
coughing        | someone        | coughs    | coughing    | coughs, coughing            | cough |
cow             | a cow          | moos      | mooing      | cow, moos, mooing           | |
crickets        | crickets       | chirp     | chirping    | crickets, cricket           | cricket | sustained
crow            | a crow         | caws      | cawing      | crow, caws, cawing          | |
dog bark        | a dog          | barks     | barking     | dog, barks, barking         | dog, bark |
door creak      | a door         | creaks    | creaking    | creaks, creaking            | door wood creaks |
drinking        | someone        | drinks    | drinking    | drinks, drinking, sips, sipping | drinking sipping |
engine          | an engine      | runs      | running     | engine                      | engine idling | sustained
fire crackling  | a fire         | crackles  | crackling   | fire, crackles, crackling   | crackling fire | sustained
fireworks       | fireworks      | explode   | exploding   | fireworks                   | |
footsteps       | someone        | walks     | walking     | walks, walking, footsteps   | |
frog            | a frog         | croaks    | croaking    | frog, croaks, croaking      | |
glass breaking  | glass          | shatters  | shattering  | glass, shatters, shattering | |
hand saw        | someone        | saws      | sawing      | saw, saws, sawing           | |
helicopter      | a helicopter   | flies     | flying      | helicopter                  | | sustained
hen             | a hen          | clucks    | clucking    | hen, clucks, clucking       | |
insects         | insects        | buzz      | buzzing     | insects, buzz, buzzing      | | sustained
keyboard typing | someone        | types     | typing      | types, typing, keyboard     | |
knock           | someone        | knocks    | knocking    | knocks, knocking            | door wood knock, door knock |
laughing        | someone        | laughs    | laughing    | laughs, laughing            | laughter |
mouse click     | a mouse        | clicks    | clicking    | mouse, clicks, clicking     | |
phone           | a phone        | rings     | ringing     | phone, telephone            | telephone |
pig             | a pig          | oinks     | oinking     | pig, oinks, oinking         | |
pouring water   | water          | pours     | pouring     | pours, pouring              | |
rain            | rain           | falls     | falling     | rain, raining               | | sustained
rooster         | a rooster      | crows     | crowing     | rooster                     | |
sheep           | a sheep        | bleats    | bleating    | sheep, bleats, bleating     | |
siren           | a siren        | wails     | wailing     | siren, wails, wailing       | |
sneeze          | someone        | sneezes   | sneezing    | sneezes, sneezing           | person sneeze, sneezing |
snoring         | someone        | snores    | snoring     | snores, snoring             | |
thunder         | thunder        | rumbles   | rumbling    | thunder, rumbles, rumbling  | thunderstorm |
toilet flush    | a toilet       | flushes   | flushing    | toilet, flushes, flushing   | |
train           | a train        | passes    | passing     | train                       | |
vacuum cleaner  | a vacuum cleaner | hums      | humming     | vacuum                      | | sustained
washing machine | a washing machine | runs      | running     | washing machine             | | sustained
water drops     | water          | drips     | dripping    | drips, dripping, drops      | |
waves           | waves          | crash     | crashing    | waves                       | sea waves | sustained
wind            | the wind       | blows     | blowing     | wind                        | | sustained
"""


@dataclass(frozen=True)
class Wording:
    """How one category of sound is put into words.

    Args:
        present: clause, "a dog barks".
        progressive: clause, "a dog is barking".
        noun: noun phrase, "a dog barking".
        keys: words (or word sequences) of which any one names the sound.
        sustained: whether the sound goes on evenly, so that it may lie behind others.
    """

    present: str
    progressive: str
    noun: str
    keys: Tuple[str, ...]
    sustained: bool = False


def _read_table():
    wordings, names = {}, {}
    for row in _TABLE.strip().splitlines():
        category, subject, verb, doing, keys, others, sustained = (cell.strip() for cell in row.split("|"))
        wordings[category] = Wording(
            present=f"{subject} {verb}",
            progressive=f"{subject} {'is' if verb.split()[0].endswith('s') else 'are'} {doing}",
            noun=f"{subject} {doing}",
            keys=tuple(key.strip() for key in keys.split(",")),
            sustained=sustained == "sustained",
        )
        names.update({name.strip(): category for name in [category, *others.split(",")] if name.strip()})
    return wordings, names


WORDINGS, _NAMES = _read_table()


def canonical_category(label: str) -> str:
    """The table's name for a label (`Sea_Waves` and `sea waves` are both `waves`); an unknown label in plain words."""
    words = " ".join(words_of(label.replace("_", " ")))
    return _NAMES.get(words, words)


def wording(category: str) -> Wording:
    """The wording of a category; one that the table does not know is worded with its own label."""
    known = WORDINGS.get(category)
    return known or Wording(
        f"{category} is heard", f"{category} can be heard", f"the sound of {category}", keys=(category,)
    )


def words_of(text: str) -> List[str]:
    """Lower-case words of a text, without punctuation."""
    return re.findall(r"\w+", text.lower())


@functools.lru_cache(maxsize=64)
def _key_index(categories: frozenset):
    # The scenes' own categories are entered last: should an unknown label be a key of the table, the label wins.
    index = {}
    for category in [*sorted(set(WORDINGS) - categories), *sorted(categories)]:
        index.update({tuple(words_of(key)): category for key in wording(category).keys})
    return index, max(map(len, index))


def find_mentions(words: Sequence[str], categories: Iterable[str] = ()) -> List[Tuple[int, int, str]]:
    """Where a caption names sounds: (first word, end, category), the longest key first ("alarm clock" is no clock).

    Args:
        words: words of the caption, as `words_of` gives them.
        categories: categories that may be named beside those of the table.
    """
    index, longest = _key_index(frozenset(categories))
    mentions, start = [], 0
    while start < len(words):
        for length in range(min(longest, len(words) - start), 0, -1):
            category = index.get(tuple(words[start : start + length]))
            if category is not None:
                mentions.append((start, start + length, category))
                start += length - 1
                break
        start += 1
    return mentions


# {0}, {1}, {2} are the foreground sounds in order; p, g and n their present, progressive and noun wording. The first
# template of a kind is the likeliest by far, so that a captioner has a most likely wording to settle on.
_SEQUENCES = {
    1: ((4, "{0.p}"), (3, "{0.g}"), (2, "{0.n}"), (1, "the sound of {0.n}"), (1, "{0.n} can be heard")),
    2: (
        (8, "{0.p} and then {1.p}"),
        (3, "{0.g} and then {1.g}"),
        (3, "{0.p} then {1.p}"),
        (3, "{0.n} followed by {1.n}"),
        (2, "{0.p} followed by {1.n}"),
        (1.5, "{0.p} before {1.p}"),
        (1.5, "{1.p} after {0.p}"),
        (0.5, "after {0.p}, {1.p}"),
    ),
    3: (
        (8, "{0.p} and then {1.p} and then {2.p}"),
        (3, "{0.p} then {1.p} and then {2.p}"),
        (3, "{0.n} followed by {1.n} and then {2.n}"),
        (2, "{0.p} and then {1.p} followed by {2.n}"),
        (1.5, "{0.p} and then {1.p} before {2.p}"),
        (1, "{1.p} after {0.p} and then {2.p}"),
        (0.5, "after {0.p}, {1.p} and then {2.p}"),
    ),
}
_TOGETHER = (
    (8, "{0.p} while {1.p}"),
    (3, "{0.g} while {1.g}"),
    (3, "{0.p} as {1.p}"),
    (2, "{1.p} while {0.p}"),
    (2, "{0.n} and {1.n} at the same time"),
)
_BEHIND = (
    (8, "{core} while {0.p} in the background"),
    (3, "{core} while {0.g} in the background"),
    (3, "{core} with {0.n} in the background"),
    (1.5, "{core} as {0.p}"),
    (1.5, "{core} over the sound of {0.n}"),
)


class _Slot:
    """A sound inside a template: `.p`, `.g` and `.n` are its wordings."""

    def __init__(self, category):
        words = wording(category)
        self.p, self.g, self.n = words.present, words.progressive, words.noun


def weighted_captions(events) -> List[Tuple[float, str]]:
    """Every caption the language has for a scene, likeliest first, with its weight.

    Args:
        events: events in order of onset, each with `category`, `onset`, `offset` and `role`; one to three in the
            foreground and at most one in the background.

    Raises:
        ValueError: for a scene the language has no template for.
    """
    front = [event for event in events if event.role == "foreground"]
    behind = [event for event in events if event.role == "background"]
    sequential = all(first.offset <= second.onset for first, second in zip(front, front[1:]))
    templates = _SEQUENCES.get(len(front)) if sequential else _TOGETHER if len(front) == 2 else None
    if templates is None or len(behind) > 1:
        raise ValueError(
            "a scene is told from one to three foreground sounds in sequence, or two at once, before at most one "
            f"background sound; got {[(event.role, event.category) for event in events]}"
        )
    slots = [_Slot(event.category) for event in front]
    captions = [(weight, template.format(*slots)) for weight, template in templates]
    if behind:
        slot = _Slot(behind[0].category)
        captions = [
            (weight * core_weight, template.format(slot, core=core))
            for (core_weight, core), (weight, template) in itertools.product(captions, _BEHIND)
        ]
    captions.sort(key=lambda pair: (-pair[0], pair[1]))
    short = [pair for pair in captions if len(pair[1].split()) <= MAX_WORDS]
    return short if len(short) >= 5 else captions  # only labels of many words leave fewer than five


def write_captions(events, rng: np.random.Generator, count: int = 5) -> List[str]:
    """Differently worded captions of a scene: what is heard, in which order, and what lies behind it.

    Args:
        events: as for `weighted_captions`.
        rng: source of the choice; likelier wordings are drawn more often, and each at most once.
        count: number of captions, at most five.
    """
    captions = weighted_captions(events)
    weights = np.array([weight for weight, _ in captions])
    drawn = rng.choice(len(captions), size=count, replace=False, p=weights / weights.sum())
    return [captions[index][1] for index in drawn]
