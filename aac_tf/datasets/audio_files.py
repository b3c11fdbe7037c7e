"""Finding the sound files that captions belong to."""

import collections
import logging
import unicodedata

from aac_tf.datasets.clips import Clip, ClipList
from aac_tf.utils.files import file_path, list_names

logger = logging.getLogger(__name__)


def match_audio(captions, folder, audio_needed=True, report_uncaptioned=False, styles=None):
    """Matches captions with the sound files of a folder.

    Args:
        captions: dict of file name, relative to `folder`, to list of captions.
        folder: path of the sound files.
        audio_needed: bool, whether to leave out clips whose file is missing.
        report_uncaptioned: bool, whether to list sound files without captions as left out.
        styles: dict of file name to the style of its captions, see `Clip`; None for captions without styles.

    Returns:
        `ClipList` in the order of `captions`. A file whose name differs only in case or Unicode form is found, too,
        with a warning.

    Example:
        >>> from aac_tf.datasets import match_audio
        >>> match_audio({"a.wav": ["rain falls"], "b.wav": []}, "nowhere").left_out
        [('a.wav', 'no such file in nowhere'), ('b.wav', 'no such file in nowhere')]
        >>> [clip.name for clip in match_audio({"a.wav": ["rain falls"], "b.wav": []}, "nowhere", audio_needed=False)]
        ['a.wav']
    """
    finder, clips, left_out, styles = _Finder(file_path(folder)), [], [], styles or {}
    for name, texts in captions.items():
        try:
            path = finder.find(name) if audio_needed else finder.folder / name
        except OSError as error:
            left_out.append((name, (error.strerror or str(error)).lower()))
            continue
        if path is None:
            left_out.append((name, f"no such file in {folder}"))
        elif not texts:
            left_out.append((name, "has no captions"))
        else:
            clips.append(Clip(name, str(path), texts, style=styles.get(name)))
    if finder.renamed:
        logger.warning(
            "%d files in %s were found although their names differ in case or Unicode form, such as %r for %r",
            len(finder.renamed),
            folder,
            *next(iter(finder.renamed.items())),
        )
    if report_uncaptioned and audio_needed:
        sounds = (".wav", ".flac", ".ogg", ".mp3")
        named = {*captions, *finder.renamed}
        without = sorted(name for name in finder.files - named if name.lower().endswith(sounds))
        left_out.extend((name, "has no captions") for name in without)
    return ClipList(clips, left_out)


class _Finder:
    """Finds files of a folder by name.

    Attributes:
        folder: `pathlib.Path` or `RemotePath`.
        files: set of str, names of the files in it, without those in subfolders.
        renamed: dict of the name of each file that was found under another name to that name.
    """

    def __init__(self, folder):
        self.folder, self.renamed = folder, {}
        self.files = set(list_names(folder))
        self._alike = {}

    def find(self, name):
        """Path of a file; None if there is none, or several whose names only differ in case or Unicode form."""
        # The listing spares a system call per clip.
        if name in self.files or (self.folder / name).is_file():
            return self.folder / name
        parent = (self.folder / name).parent
        if parent not in self._alike:
            self._alike[parent] = collections.defaultdict(list)
            for other in self.files if parent == self.folder else list_names(parent):
                self._alike[parent][_plain(other)].append(other)
        found = self._alike[parent].get(_plain((self.folder / name).name), ())
        if len(found) != 1:
            return None
        self.renamed[found[0]] = name
        return parent / found[0]


def _plain(name):
    # File systems differ in the form that they store, and in whether case matters.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
