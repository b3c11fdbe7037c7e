"""The AudioCaps dataset."""

from aac_tf.datasets.audio_files import match_audio
from aac_tf.datasets.base import Dataset
from aac_tf.datasets.clips import ClipList
from aac_tf.datasets.csv_files import read_rows

STEMS = {"train": "train", "validation": "val", "test": "test"}


class AudioCaps(Dataset):
    """AudioCaps v1: one caption per row, of clips cut from YouTube videos.

    A clip's file is called `ID`, `ID_START` or `YID`, depending on the tool that downloaded it, where the columns
    `youtube_id` and `start_time` give `ID` and `START`. It is looked for in `train/` (`val/` or `validation/`,
    `test/`), in `audio/` and in the root folder.

    Args:
        root: path of a folder with `train.csv`, `val.csv` and `test.csv`, and the clips.

    Reference:
        Kim, Kim, Lee, Kim, AudioCaps: Generating Captions for Audios in The Wild, NAACL-HLT 2019.

    Example:
        >>> from aac_tf.datasets import AudioCaps
        >>> clips = AudioCaps("audiocaps").clips("train")  # doctest: +SKIP
    """

    def clips(self, split, audio_needed=True):
        self._check_root("train.csv, val.csv and test.csv")
        table = self.root / f"{STEMS.get(split, split)}.csv"
        if split not in STEMS or not table.is_file():
            return None
        captions = {}
        for row in read_rows(table, ["youtube_id", "start_time", "caption"]):
            if row["caption"].strip():
                captions.setdefault((row["youtube_id"], row["start_time"]), []).append(row["caption"].strip())
        files, named, missing = self._files(split), {}, []
        for (video, start), texts in captions.items():
            stem = next((stem for stem in (f"{video}_{start}", video, f"Y{video}") if stem in files), None)
            if stem is not None:
                named[str(files[stem].relative_to(self.root))] = texts
            elif audio_needed:
                missing.append((f"{video}_{start}", f"no such clip in {self.root}"))
            else:
                named[f"{video}_{start}"] = texts
        found = match_audio(named, self.root, audio_needed)
        return ClipList(found.clips, missing + found.left_out)

    def _files(self, split):
        """Files by stem; where several folders have the same stem, the first folder wins."""
        folders = [self.root / STEMS[split], self.root / split, self.root / "audio", self.root]
        return {path.stem: path for folder in reversed(folders) if folder.is_dir() for path in folder.iterdir()}
