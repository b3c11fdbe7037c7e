"""Human captions read as scripts, after which scenes can be composed.

A caption is used only if every word of it is understood, so that no scene contradicts its words. Understood are:

- the sounds of `sounds.yaml`, by nouns, verbs and names: "a man speaks", "typing on a keyboard", "applause", "the
  barking of a dog", "a dog barks and growls", "someone opens a door", "two men and a woman laugh";
- order: "then", "followed by", "before", "after", "after a, b", "preceded by" and the like; what "and", "while", "as",
  "with", "over" and commas link occurs at once, and what lasts, such as rain, then lasts through all steps; what is
  heard "at first" or "at the end" has a step of its own;
- place and level: "in the background", "in the distance", "faintly", "loudly", "with an echo", "muffled", "in the
  next room", "over a radio";
- number: "twice", "several times", "repeatedly", "three gunshots", "two dogs", "people";
- course: "continuously", "briefly", "approaches", "fades away", "passes by", "gets louder";
- words that are true of nearly all recordings of a sound: a siren is "high pitched", but not every man's voice is;
- what belongs to a sound that was named: "his speech echoes", "rain hits the windows";
- neutral words: articles, "can be heard", "the sound of", "nearby", "again", most places ("on the street", "in a
  kitchen"), and those that a sound brings with it, such as the "shore" of waves.

Not understood, and so refused, is what scenes do not reproduce: negation, length ("long"), the speed and timbre of
sounds that may have another one, sounds that stop, silence, languages, what something passes ("a car drives past a
stream"), and any unknown word.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import pathlib
from collections.abc import Iterable, Iterator

from aac_tf.datasets import DatasetError
from aac_tf.datasets.audiocaps import COLUMNS, read_clip_captions
from aac_tf.datasets.csv_files import read_captions, read_rows
from aac_tf.errors import AacError
from aac_tf.scenes.caption_parser import CaptionParser
from aac_tf.scenes.script import Script
from aac_tf.scenes.timeline import Unexplained
from aac_tf.scenes.wording import categories_for


class ScriptError(AacError, ValueError):
    """A caption that cannot be read as a script.

    Attributes:
        words: the words or phrases that are not understood.
    """

    def __init__(self, caption: str, words: tuple[str, ...]):
        super().__init__(f"no scene can be composed from {caption!r}: not understood: {', '.join(words)}")
        self.words = words


@dataclasses.dataclass(frozen=True)
class Scripts:
    """The scripts of many captions.

    Args:
        scripts: scripts of the captions that are understood, in their order.
        captions: number of all captions.
        unexplained: for words or phrases that are not understood, the number of captions that nothing else keeps from
            being used; the most frequent are what to add to the table next.
    """

    scripts: tuple[Script, ...]
    captions: int
    unexplained: collections.Counter[str]

    def with_sounds_of(self, categories: Iterable[str]) -> tuple[tuple[Script, ...], collections.Counter[str]]:
        """Selects the scripts all of whose sounds can be taken from some categories.

        Args:
            categories: categories that have sounds, such as `Bank.categories`.

        Returns:
            (scripts, {category: number of scripts that lack it}).
        """
        available = frozenset(categories)
        has = functools.lru_cache(maxsize=None)(lambda category: bool(categories_for(category, available)))
        usable, lacking = [], collections.Counter[str]()
        for script in self.scripts:
            missing = {sound.category for sound in script.sounds if not has(sound.category)}
            lacking.update(missing)
            if not missing:
                usable.append(script)
        return tuple(usable), lacking


def read_script(caption: str, clip: str = "", style: str = "") -> Script:
    """Reads a caption as a script.

    Args:
        caption: the caption.
        clip: name of the clip that it was written for.
        style: its style, empty for none.

    Returns:
        Its sounds, how they are said to sound, and when.

    Raises:
        ScriptError: if any word of the caption is not understood.

    Example:
        >>> from aac_tf.scenes.scripts import read_script
        >>> script = read_script("A dog barks twice followed by a man speaking while rain falls in the background.")
        >>> [(sound.category, sound.first, sound.last, sound.times) for sound in script.sounds]
        [('dog bark', 0, 0, 2), ('man speaking', 1, 1, None), ('rain', 0, 1, None)]
    """
    try:
        return Script(caption, CaptionParser(caption).timeline.sounds(), clip, style)
    except Unexplained as error:
        raise ScriptError(caption, error.words) from None


def read_scripts(paths: Iterable[str | pathlib.Path], style: str = "") -> Scripts:
    """Reads the captions of files as scripts.

    Args:
        paths: paths of CSV files in the layout of Clotho (`file_name,caption_1,...` or `file_name,caption`) or of
            AudioCaps (`youtube_id,start_time,caption`), or of text files with one caption per line.
        style: style of all captions, empty for none.

    Returns:
        The scripts, and what was not understood.

    Raises:
        DatasetError: if a file cannot be read or has no captions.
    """
    scripts, captions, unexplained = [], 0, collections.Counter[str]()
    for path in map(pathlib.Path, paths):
        for clip, caption in captions_of(path):
            captions += 1
            try:
                scripts.append(read_script(caption, clip, style))
            except ScriptError as error:
                if len(set(error.words)) == 1:
                    unexplained[error.words[0]] += 1
    return Scripts(tuple(scripts), captions, unexplained)


def captions_of(path: pathlib.Path) -> Iterator[tuple[str, str]]:
    """Reads the captions of a file.

    Args:
        path: path of a CSV or text file, as for `read_scripts`.

    Yields:
        (clip, caption).

    Raises:
        DatasetError: if the file cannot be read or has no captions.
    """
    if path.suffix.lower() != ".csv":
        yield from _lines(path)
    elif set(COLUMNS) <= set(read_rows(path, [])[0]):
        for (video, start), texts in read_clip_captions(path).items():
            yield from ((f"{video}_{start}", text) for text in texts)
    else:
        for name, texts in read_captions(path).items():
            yield from ((name, text) for text in texts)


def _lines(path):
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"cannot read {path}, expected a UTF-8 text file with one caption per line: {error}"
        ) from error
    if not any(line.strip() for line in lines):
        raise DatasetError(f"{path} contains no captions; expected one a line")
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield f"{path.name}:{number}", line.strip()
