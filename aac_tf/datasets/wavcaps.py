"""The WavCaps dataset."""

from __future__ import annotations

import dataclasses
import json

from aac_tf.datasets.audio_files import match_audio
from aac_tf.datasets.base import Dataset
from aac_tf.datasets.clips import ClipList
from aac_tf.datasets.csv_files import spoken
from aac_tf.datasets.errors import DatasetError
from aac_tf.utils.files import list_names

SOURCES = ("AudioSet_SL", "BBC_Sound_Effects", "FreeSound", "SoundBible")
# What the publishers leave out to evaluate captioning, with the sources that its lists are of.
BLACKLIST = "blacklist/blacklist_exclude_test_ac.json"
_LISTED = {"AudioSet_SL": "AudioSet", "FreeSound": "FreeSound"}


class WavCaps(Dataset):
    """WavCaps: one caption per clip, written by a language model from the descriptions of four sources.

    It has only a train split. Clips that are in the test splits of AudioCaps and Clotho are left out if the publishers'
    list of them, `json_files/blacklist/blacklist_exclude_test_ac.json`, is there.

    Args:
        root: path of a folder with `json_files/SOURCE/*.json`, and the clips in `Audio/SOURCE/`, `SOURCE/`,
            `SOURCE_flac/` or `waveforms/SOURCE_flac/`; or path of one of these JSON files, for one source.

    Reference:
        Mei, Meng, Liu, Kong, Ko, Zhao, Plumbley, Zou, Wang, WavCaps: A ChatGPT-Assisted Weakly-Labelled Audio
        Captioning Dataset for Audio-Language Multimodal Research, IEEE/ACM TASLP, 2024.

    Example:
        >>> from aac_tf.datasets import WavCaps
        >>> clips = WavCaps("WavCaps").clips("train")  # doctest: +SKIP
    """

    def clips(self, split, audio_needed=True):
        tables, top = self._tables()
        if split != "train":
            return None
        hidden = _read_blacklist(top / "json_files" / BLACKLIST)
        clips, left_out = [], []
        for table in tables:
            source = table.parent.name
            captions = read_wavcaps(table)
            overlapping = [name for name in captions if name.partition(".")[0] in hidden.get(source, ())]
            left_out += [(f"{source}/{name}", "in the test split of AudioCaps or Clotho") for name in overlapping]
            for name in overlapping:
                del captions[name]
            found = match_audio(captions, _audio_folder(top, source), audio_needed)
            # Sources number their clips alike.
            clips += [dataclasses.replace(clip, name=f"{source}/{clip.name}") for clip in found]
            left_out += [(f"{source}/{name}", reason) for name, reason in found.left_out]
        return ClipList(clips, left_out)

    def _tables(self):
        """The JSON files, and the folder that `json_files` is in."""
        if self.root.is_file():
            return [self.root], self.root.parent.parent.parent
        self._check_root("json_files/SOURCE/*.json")
        folders = [self.root / "json_files" / source for source in SOURCES]
        tables = [
            folder / name
            for folder in folders
            if folder.is_dir()
            for name in sorted(list_names(folder))
            if name.endswith(".json")
        ]
        if not tables:
            raise DatasetError(f"{self.root} has no json_files/SOURCE/*.json, where SOURCE is {', '.join(SOURCES)}")
        return tables, self.root


def read_wavcaps(path):
    """Reads the captions of one source of WavCaps.

    Args:
        path: path of a JSON file with `data`, a list of objects with `id` and `caption`.

    Returns:
        dict of file name to list of captions. The files are FLAC, whatever the ending of `id`.

    Raises:
        DatasetError: if the file cannot be read, or has another form.
    """
    captions = {}
    try:
        for entry in _read_json(path)["data"]:
            name = f"{str(entry['id']).removesuffix('.wav')}.flac"
            captions.setdefault(name, []).extend(filter(None, [spoken(entry["caption"])]))
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DatasetError(
            f"{path} is not one of WavCaps: expected `data`, a list of objects with `id` and `caption`; "
            f"{type(error).__name__}: {error}"
        ) from error
    return captions


def _read_blacklist(path):
    """The ids of clips of test splits, by source."""
    if not path.is_file():
        return {}
    try:
        lists = _read_json(path)
        return {source: {str(name).partition(".")[0] for name in lists[key]} for source, key in _LISTED.items()}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DatasetError(f"{path} is damaged: {error!r}") from error


def _read_json(path):
    with path.open(encoding="utf-8") as file:
        return json.load(file)


def _audio_folder(top, source):
    places = (f"Audio/{source}", source, f"{source}_flac", f"waveforms/{source}_flac")
    return top / next((place for place in places if (top / place).is_dir()), places[0])
