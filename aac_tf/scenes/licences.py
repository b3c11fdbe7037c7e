"""Which recordings of a bank may be used, by the licences that its tables name."""

from __future__ import annotations

import collections
import dataclasses
import pathlib
import re
import typing
from collections.abc import Collection, Mapping, Sequence

from aac_tf.datasets import DatasetError
from aac_tf.utils.counting import counted

if typing.TYPE_CHECKING:
    from aac_tf.scenes.banks.labels import Recording

# {name: pattern}. Longer names of a family come first, so that "CC BY-SA" is not read as "CC BY".
_VERSION = r"(?:[\s-]*v?\d(?:\.\d)?(?:-\d\.\d)?\+?)?(?:\s+(?:international|unported|universal|uk|us))?"
_CC = r"\b(?:cc|creative\s+commons)[\s-]+"
_BY, _NC, _SA, _ND = "(?:by|attribution)", r"[\s-]*(?:nc|non-?commercial)", r"[\s-]*(?:sa|share-?alike)", r"[\s-]*nd"
_URL = r"(?:https?://)?(?:www\.)?creativecommons\.org/"
_PATTERNS = {
    "CC0": rf"{_URL}publicdomain/zero/[\d.]+/?|\b(?:cc[\s-]?0|creative\s+commons\s+(?:0|zero)){_VERSION}(?!\.?\d)",
    "CC BY-NC-SA": rf"{_URL}licenses/by-nc-sa/[\d.]+/?|{_CC}{_BY}{_NC}{_SA}\b{_VERSION}",
    "CC BY-NC-ND": rf"{_URL}licenses/by-nc-nd/[\d.]+/?|{_CC}{_BY}{_NC}{_ND}\b{_VERSION}",
    "CC BY-NC": rf"{_URL}licenses/by-nc/[\d.]+/?|(?:{_CC}{_BY}|\battribution\s+){_NC}\b{_VERSION}",
    "CC BY-SA": rf"{_URL}licenses/by-sa/[\d.]+/?|{_CC}{_BY}{_SA}\b{_VERSION}",
    "CC BY-ND": rf"{_URL}licenses/by-nd/[\d.]+/?|{_CC}{_BY}{_ND}\b{_VERSION}",
    "CC BY": rf"{_URL}licenses/by/[\d.]+/?|{_CC}{_BY}\b{_VERSION}",
    "public domain": rf"{_URL}publicdomain/mark/[\d.]+/?|\bpublic[\s-]domain\b",
    "MIT": r"\bmit\b(?:\s+licen[cs]e)?",
    "BSD": r"\bbsd(?:-\d-clause)?\b(?:\s+licen[cs]e)?",
    "Apache-2.0": r"\bapache[\s-]+(?:licen[cs]e[\s,-]*)?(?:version\s+)?2(?:\.0)?\b(?:\s+licen[cs]e)?",
    "AGPL": rf"\bagpl\b{_VERSION}",
    "LGPL": rf"\blgpl\b{_VERSION}",
    "GPL": rf"\bgpl\b{_VERSION}",
    "ODbL": r"\bodbl\b",
}
_NAME = re.compile("|".join(f"({pattern})" for pattern in _PATTERNS.values()), re.IGNORECASE)
_GROUPS = {"free": ("CC0", "CC BY", "MIT", "public domain")}
# Words beside a licence that do not change it; collections of sounds that come with a licence.
_NEUTRAL = frozenset(
    re.findall(
        r"\w+",
        "a and are as by only the under audio clip clips corpus data dataset file files media or recording recordings "
        "repository sample samples sound sounds licence license licensed freesound librispeech libritts wikimedia "
        "commons",
    )
)
# Words in a comment in brackets that say something about rights.
_ABOUT_RIGHTS = re.compile(
    r"\b(cc|nc|nd|sa|\w*gpl\w*|odbl|dbcl|pixabay|non-?commercial|share-?alike|no-?deriv\w*|licen[cs]ed?|rights?|reserved|"
    r"proprietary|copyright\w*|unknown|except\w*|not|no|some|most|personal|educational|research|restrict\w*)\b",
    re.IGNORECASE,
)


def licences_of(text: str | None) -> frozenset[str]:
    """The licences that a table names for a recording.

    A text may name several licences, in the usual spellings or as addresses. It does not say which of them applies,
    so a recording needs all of them to be allowed. A comment in brackets counts if it names a licence.

    Args:
        text: what the table says.

    Returns:
        Names of all licences; empty if there are none, or if any part of the text is not understood.

    Example:
        >>> from aac_tf.scenes.licences import licences_of
        >>> sorted(licences_of("CC0 / CC BY 3.0 (see media.txt)")), licences_of("CC recordings; MIT")
        (['CC BY', 'CC0'], frozenset())
    """
    text, found = text or "", set()

    def replace(match):
        found.add(list(_PATTERNS)[match.lastindex - 1])
        return " \0 "

    rest = _NAME.sub(replace, text)
    comments = re.findall(r"\(([^()]*)\)", rest)
    if any(_ABOUT_RIGHTS.search(comment) for comment in comments):
        return frozenset()
    parts = re.split(r"[/;,+&]", re.sub(r"\([^()]*\)", " ", rest))
    for words in (re.sub(r"[^\w\0]", " ", part.casefold()).split() for part in parts):
        if "\0" not in words or not set(words) <= _NEUTRAL | {"\0"}:
            return frozenset()
    return frozenset(found)


def licence_names(value: str | Sequence[str]) -> frozenset[str]:
    """Reads the names of the licences that are allowed.

    Args:
        value: names as a list, or separated by commas; `free` stands for CC0, CC BY, MIT and public domain.

    Returns:
        The names.

    Raises:
        DatasetError: if a name is unknown.

    Example:
        >>> from aac_tf.scenes.licences import licence_names
        >>> sorted(licence_names("free, CC-BY-SA"))
        ['CC BY', 'CC BY-SA', 'CC0', 'MIT', 'public domain']
    """
    names = value.split(",") if isinstance(value, str) else value
    known = [*_GROUPS, *_PATTERNS]
    if not isinstance(names, (list, tuple)) or not names or not all(isinstance(name, str) for name in names):
        raise DatasetError(f"scenes.licences takes a list of names, such as {', '.join(known)}; got {value!r}")
    allowed: set[str] = set()
    for name in (name.strip() for name in names):
        found = _GROUPS.get(name.casefold()) or licences_of(name)
        if not found:
            raise DatasetError(f"unknown licence {name!r} in scenes.licences; expected some of {', '.join(known)}")
        allowed.update(found)
    return frozenset(allowed)


@dataclasses.dataclass(frozen=True)
class Kept:
    """What a filter left of a bank.

    Args:
        recordings: the rows that may be used.
        clips: (clips kept, all clips).
        kinds: (kinds of sound kept, all kinds).
        refused: {what the table says: number of clips} of the others, the most frequent first; "" if it says nothing.
    """

    recordings: Sequence[Recording]
    clips: tuple[int, int]
    kinds: tuple[int, int]
    refused: Mapping[str, int]

    def describe(self, count: int = 6) -> str:
        """A sentence with the numbers, and the most frequent reasons."""
        (clips, all_clips), (kinds, all_kinds) = self.clips, self.kinds
        kept = f"{clips:,} of {counted(all_clips, 'clip')} and {kinds:,} of {counted(all_kinds, 'kind')}"
        text = f"licences: kept {kept} of sound"
        named = [f"{name or 'no licence named'} ({number:,})" for name, number in self.refused.items()]
        more = f"; and {len(named) - count} more" if len(named) > count else ""
        return text + (f"; left out: {'; '.join(named[:count])}{more}" if named else "")


@dataclasses.dataclass(frozen=True)
class LicenceFilter:
    """Selects the recordings whose licences are all allowed.

    Args:
        allowed: names of licences, from `licence_names`.
        of_folders: for each folder of the bank, the licence of the clips whose table names none; "" for none.

    Example:
        >>> from aac_tf.scenes.banks.labels import Recording
        >>> from aac_tf.scenes.licences import LicenceFilter, licence_names
        >>> rows = [Recording("1.wav", "rain", licence="CC0"), Recording("2.wav", "rain", licence="CC BY-SA")]
        >>> LicenceFilter(licence_names("free")).select(rows, "my-bank").clips
        (1, 2)
    """

    allowed: Collection[str]
    of_folders: Sequence[str] = ()

    def select(self, recordings: Sequence[Recording], place: str, folders: Sequence[pathlib.Path] = ()) -> Kept:
        """Selects recordings.

        Args:
            recordings: rows of a bank's tables.
            place: the bank, for messages.
            folders: its folders; those that have recordings must name licences.

        Returns:
            `Kept`, whose recordings all name their licences.

        Raises:
            DatasetError: if a folder names no licence at all, or nothing is left.
        """
        given = dict(enumerate(self.of_folders))
        recordings = [
            row if row.licence else dataclasses.replace(row, licence=given.get(row.folder) or None)
            for row in recordings
        ]
        for number, folder in enumerate(folders):
            # A folder may hold nothing but stand-ins, which are not always read.
            own = [row.licence for row in recordings if row.folder == number]
            if own and not any(own):
                raise DatasetError(
                    f"{folder} does not say which licences its clips have; scenes.licences needs a column `licence` in "
                    f"its CSV file, or one licence for the folder, such as CC-BY={folder}"
                )
        kept = [row for row in recordings if self._allows(row.licence)]
        refused = collections.Counter(row.licence or "" for row in recordings if not self._allows(row.licence))
        kinds = [len({row.category for row in rows}) for rows in (kept, recordings)]
        found = Kept(kept, (len(kept), len(recordings)), (kinds[0], kinds[1]), dict(refused.most_common()))
        if not kept:
            raise DatasetError(
                f"no clip of {place} has only licences among {', '.join(sorted(self.allowed))}; {found.describe()}"
            )
        return found

    def _allows(self, licence):
        named = licences_of(licence)
        return bool(named) and named <= frozenset(self.allowed)
