"""A bank of labelled sounds from unlabelled recordings."""

from __future__ import annotations

import collections
import csv
import dataclasses
import pathlib
from collections.abc import Callable, Sequence

import numpy as np
import soundfile
import tensorflow as tf

from aac_tf.audio import AudioError, SoundFile
from aac_tf.audio.file_spectrogram import spectrogram_of_file
from aac_tf.audio.levels import peak
from aac_tf.embeddings import FrozenEncoder
from aac_tf.labelling.recordings import Found
from aac_tf.labelling.stretches import Stretch, find_stretches
from aac_tf.scenes.sound_classes import sound_classes
from aac_tf.utils.atomic import writing
from aac_tf.utils.files import check_new_folder
from aac_tf.utils.reading import read_ahead

TABLE = "sounds.csv"
COLUMNS = ("file_name", "category", "source", "licence", "group", "score", "start", "end")


@dataclasses.dataclass
class Growth:
    """What was found in recordings.

    Attributes:
        pieces: {category: number of pieces}.
        recordings: {category: number of recordings with at least one}.
        seconds: {category: their total length}.
        skipped: {path: reason} of the recordings that cannot be used.
    """

    pieces: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    recordings: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    seconds: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    skipped: dict[str, str] = dataclasses.field(default_factory=dict)


def grow_bank(
    recordings: Sequence[Found],
    output: str | pathlib.Path,
    encoder: FrozenEncoder,
    source: str | None = None,
    licence: str = "",
    progress: Callable[[int, int], None] | None = None,
    report: Callable[[str], None] | None = None,
    **limits: float,
) -> Growth:
    """Cuts the stretches with one dominant sound out of recordings, and writes a folder that `FolderBank` reads.

    The pieces are FLAC files with one channel, 16 bits and the sample rate of the recording, in
    `CATEGORY/NUMBER/NAME OF THE RECORDING.flac`: takes and numbered files are recognized by the name. They are listed
    in `sounds.csv` as soon as they are written, so what an interrupted call has found can be used.

    Args:
        recordings: from `find_recordings`.
        output: folder to write; it is created with the first piece.
        encoder: a frozen encoder with a classifier, such as `YamnetEmbedder`.
        source: what to call the collection in the table; None takes the name of a recording's folder.
        licence: licence of the recordings, for the table.
        progress: optional function `(done, total)`, called after each recording.
        report: optional function, called with a line of text for each recording that is skipped.
        **limits: `threshold`, `margin`, `min_seconds` and `max_seconds` of `find_stretches`.

    Returns:
        `Growth`.

    Raises:
        FileExistsError: if `output` exists and is not empty.
        WriteError: if the disk is full.
        ValueError: if the encoder has no classifier with classes of the table of sounds.
    """
    check_new_folder(output)
    known = sound_classes(encoder.class_names)
    if not known.categories:
        raise ValueError("finding sounds takes a frozen encoder with a classifier, such as YAMNet")
    spec = tf.TensorSpec([1, None, encoder.spec.num_bins], tf.float32)
    score = tf.function(lambda features: encoder.embed_and_score(features)[1], [spec], autograph=False)
    growth, output, several = Growth(), pathlib.Path(output), len({found.folder for found in recordings}) > 1
    taken: collections.Counter = collections.Counter()

    def read(found):
        try:
            return spectrogram_of_file(found.path, encoder.spec)
        except AudioError as error:
            return error

    def skip(error):
        growth.skipped[str(error.path)] = error.reason
        if report is not None:
            report(f"skipped: {error}")

    for done, (found, heard) in enumerate(zip(recordings, read_ahead(read, recordings, ahead=4)), 1):
        try:
            if isinstance(heard, AudioError):
                raise heard
            features, seconds = heard
            scores = score(features[tf.newaxis])[0].numpy()
            stretches = find_stretches(scores, known, encoder.segment_times, seconds, **limits)
            group = f"{found.folder}/{found.name}" if several else found.name
            rows = []
            for stretch, waveform, rate in _pieces(found.path, stretches):
                name = piece_name(stretch.category, _text(found.name), taken)
                write_piece(output / name, waveform, rate)
                bounds = (round(value, 3) for value in (stretch.score, stretch.start, stretch.end))
                rows.append([name, stretch.category, source or found.folder, licence, _text(group), *bounds])
                growth.pieces[stretch.category] += 1
                growth.seconds[stretch.category] += stretch.end - stretch.start
            growth.recordings.update({row[1] for row in rows})
            if rows:
                append_rows(output / TABLE, COLUMNS, rows)
        except AudioError as error:
            skip(error)
        if progress is not None:
            progress(done, len(recordings))
    return growth


def write_piece(path: pathlib.Path, waveform: np.ndarray, rate: int) -> None:
    """Writes a recording of a bank, and its folder.

    Raises:
        WriteError: if the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path, soundfile.LibsndfileError):
        soundfile.write(path, waveform, rate, subtype="PCM_16")


def append_rows(table: pathlib.Path, columns: Sequence[str], rows: Sequence[Sequence]) -> None:
    """Appends rows to the table of a bank; a new one begins with the names of its columns.

    Raises:
        WriteError: if the disk is full.
    """
    header = [] if table.exists() else [columns]
    with writing(table), open(table, "a", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([*header, *rows])


def piece_name(category: str, recording: str, taken: collections.Counter) -> str:
    """The name of the next file of a sound that is made from a recording: `CATEGORY/NUMBER/RECORDING.flac`.

    Args:
        category: the sound.
        recording: name of the recording.
        taken: how many such names there are, by category and recording; this one is added.
    """
    stem = pathlib.PurePosixPath(recording).stem
    key = (category, stem.casefold())
    taken[key] += 1
    return f"{category.replace(' ', '_')}/{taken[key]}/{stem}.flac"


def _pieces(path, stretches: Sequence[Stretch]):
    """Yields each stretch with its waveform, float32 `[samples]` within ±1, and the sample rate."""
    if not stretches:
        return
    file, position, waiting, held = SoundFile(path), 0, collections.deque(stretches), []
    rate = file.sample_rate
    for part in file.parts():
        part = np.asarray(part)
        # Stretches do not overlap, so only the first can go on in the next part.
        while waiting:
            start, end = (max(0, round(time * rate) - position) for time in (waiting[0].start, waiting[0].end))
            held.append(part[start:end])
            if end > len(part):
                break
            yield waiting.popleft(), _within_full_scale(np.concatenate(held)), rate
            held = []
        position += len(part)
    if waiting and sum(map(len, held)):  # the end of a recording may be rounded up
        yield waiting.popleft(), _within_full_scale(np.concatenate(held)), rate


def _within_full_scale(waveform):
    return waveform / np.float32(max(1.0, peak(waveform)))


def _text(name):
    """A file name as text that a UTF-8 file can hold."""
    return name.encode("utf-8", "replace").decode()
