"""How the sounds of scenes are put into words: one table for the captions written and for the words looked for."""

from __future__ import annotations

import dataclasses
import re

# category | subject | verb | participle | words that name this sound and no other | other labels | may be background
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


@dataclasses.dataclass(frozen=True)
class Wording:
    """The words for a category of sound.

    Args:
        present: clause in the simple present, "a dog barks".
        progressive: clause in the present progressive, "a dog is barking".
        noun: noun phrase, "a dog barking".
        keys: words or word sequences, each of which names the sound.
        sustained: whether the sound is steady enough to be the background of others.
    """

    present: str
    progressive: str
    noun: str
    keys: tuple[str, ...]
    sustained: bool = False


def _read_table():
    wordings, names = {}, {}
    for row in _TABLE.strip().splitlines():
        category, subject, verb, participle, keys, others, sustained = (cell.strip() for cell in row.split("|"))
        wordings[category] = Wording(
            present=f"{subject} {verb}",
            progressive=f"{subject} {'is' if verb.split()[0].endswith('s') else 'are'} {participle}",
            noun=f"{subject} {participle}",
            keys=tuple(key.strip() for key in keys.split(",")),
            sustained=sustained == "sustained",
        )
        names.update({name.strip(): category for name in [category, *others.split(",")] if name.strip()})
    return wordings, names


WORDINGS, _NAMES = _read_table()


def canonical_category(label: str) -> str:
    """The category that a label stands for.

    Args:
        label: a label as corpora spell it.

    Returns:
        The category's name in the table; for an unknown label, the label itself in lower case and without punctuation.

    Example:
        >>> from aac_tf.scenes.wording import canonical_category
        >>> canonical_category("Sea_Waves"), canonical_category("Zither_Pluck")
        ('waves', 'zither pluck')
    """
    words = " ".join(words_of(label.replace("_", " ")))
    return _NAMES.get(words, words)


def wording(category: str) -> Wording:
    """The words for a category.

    Args:
        category: a category of the table, or any other label.

    Returns:
        Its `Wording`; an unknown category is worded with its own label.

    Example:
        >>> from aac_tf.scenes.wording import wording
        >>> wording("dog bark").progressive, wording("zither pluck").noun
        ('a dog is barking', 'the sound of zither pluck')
    """
    known = WORDINGS.get(category)
    return known or Wording(
        f"{category} is heard", f"{category} can be heard", f"the sound of {category}", keys=(category,)
    )


def words_of(text: str) -> list[str]:
    """Splits a text into lower-case words without punctuation."""
    return re.findall(r"\w+", text.lower())
