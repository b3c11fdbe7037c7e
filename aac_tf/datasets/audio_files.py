"""Finding the sound files that captions belong to."""

import pathlib

from aac_tf.datasets.clips import Clip, ClipList


def match_audio(captions, folder, audio_needed=True, report_uncaptioned=False):
    """Matches captions with the sound files of a folder.

    Args:
        captions: dict of file name, relative to `folder`, to list of captions.
        folder: path of the sound files.
        audio_needed: bool, whether to leave out clips whose file is missing.
        report_uncaptioned: bool, whether to list sound files without captions as left out.

    Returns:
        `ClipList` in the order of `captions`.

    Example:
        >>> from aac_tf.datasets import match_audio
        >>> match_audio({"a.wav": ["rain falls"], "b.wav": []}, "nowhere").left_out
        [('a.wav', 'no such file in nowhere'), ('b.wav', 'no such file in nowhere')]
        >>> [clip.name for clip in match_audio({"a.wav": ["rain falls"], "b.wav": []}, "nowhere", audio_needed=False)]
        ['a.wav']
    """
    folder = pathlib.Path(folder)
    files = {path.name for path in folder.iterdir() if path.is_file()} if folder.is_dir() else set()
    clips, left_out = [], []
    for name, texts in captions.items():
        # The listing above spares a system call per clip, but has no files in subfolders.
        if audio_needed and name not in files and not (folder / name).is_file():
            left_out.append((name, f"no such file in {folder}"))
        elif not texts:
            left_out.append((name, "has no captions"))
        else:
            clips.append(Clip(name, str(folder / name), texts))
    if report_uncaptioned and audio_needed:
        sounds = (".wav", ".flac", ".ogg", ".mp3")
        without = sorted(name for name in files - set(captions) if name.lower().endswith(sounds))
        left_out.extend((name, "has no captions") for name in without)
    return ClipList(clips, left_out)
