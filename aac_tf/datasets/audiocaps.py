"""AudioCaps: one caption a row, clips named after the video and its start."""

import pathlib

from aac_tf.datasets.clips import ClipList, DatasetError, match_audio, read_rows

FILES = {"train": "train.csv", "validation": "val.csv", "test": "test.csv"}


def read_audiocaps(root, split, audio_needed=True):
    """Clips of AudioCaps v1 (Kim et al., "AudioCaps: Generating Captions for Audios in The Wild", 2019).

    The CSV's `youtube_id` and `start_time` name a clip; as download tools differ, the files `ID.wav`, `ID_START.wav`,
    `YID.wav` and their .flac, .ogg and .mp3 forms are looked for in `root/SPLIT`, `root/audio` and `root`.

    Args:
        root: folder with `train.csv val.csv test.csv`, and the clips.
        split: `train`, `validation` or `test`.
        audio_needed: whether clips without a file are left out.

    Returns:
        A `ClipList`, or None where the folder has no such CSV.

    Raises:
        DatasetError: if the folder or its CSV cannot be read.
    """
    folder = pathlib.Path(root)
    if not folder.is_dir():
        raise DatasetError(f"AudioCaps' folder {root} does not exist; set data.root to where its CSV files are")
    if not (folder / FILES[split]).is_file():
        return None
    captions = {}
    for row in read_rows(folder / FILES[split], ["youtube_id", "start_time", "caption"]):
        if row["caption"].strip():
            captions.setdefault((row["youtube_id"], row["start_time"]), []).append(row["caption"].strip())
    named, missing = {}, []
    folders = [folder / FILES[split][:-4], folder / split, folder / "audio", folder]
    files = {path.stem: path for place in reversed(folders) if place.is_dir() for path in place.iterdir()}
    for (video, start), texts in captions.items():
        stem = next((stem for stem in (f"{video}_{start}", video, f"Y{video}") if stem in files), None)
        if stem is None and not audio_needed:
            named[f"{video}_{start}"] = texts
        elif stem is None:
            missing.append((f"{video}_{start}", f"no such clip in {folder}"))
        else:
            named[str(files[stem].relative_to(folder))] = texts
    found = match_audio(named, folder, audio_needed)
    return ClipList(found.clips, missing + found.left_out)
