"""A bank of sounds that are derived from a labelled bank, each of which a frozen encoder recognizes."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import math
import pathlib
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from aac_tf.audio import AudioError, load_audio, spectrogram
from aac_tf.embeddings import FrozenEncoder
from aac_tf.labelling.derivations import Derivation, derivations
from aac_tf.labelling.grow import COLUMNS, TABLE, Growth, append_rows, piece_name, write_piece
from aac_tf.labelling.stand_ins import StandIns
from aac_tf.labelling.stretches import MIN_SECONDS, find_stretches
from aac_tf.labelling.transforms import change_speed, change_tempo, pitch
from aac_tf.scenes.banks.labels import read_labels
from aac_tf.scenes.licences import LicenceFilter
from aac_tf.scenes.sound_classes import SoundClasses, one_sound
from aac_tf.utils.files import check_new_folder
from aac_tf.utils.reading import read_ahead

_SECONDS, _SECONDS_TRANSFORMED = 30.0, 10.0  # of a recording are used
_WHOLE = 0.5  # a transformed recording is kept whole if this share of it is recognized
_PEAK = 0.5


@dataclasses.dataclass(frozen=True)
class _Piece:
    score: float
    waveform: np.ndarray
    start: float
    end: float
    ratio: float
    drawn: str = ""


def derive_bank(
    folders: Sequence[pathlib.Path],
    output: str | pathlib.Path,
    encoder: FrozenEncoder,
    progress: Callable[[int, int], None] | None = None,
    report: Callable[[str], None] | None = None,
    rules: Sequence[Derivation] | None = None,
    licences: LicenceFilter | None = None,
    stand_ins: bool = False,
) -> Growth:
    """Derives sounds from the recordings of a labelled bank, and writes a folder to be used beside it.

    For each rule of `derivations.yaml`, the recordings of its sound are transformed with each of its ratios. A result
    is kept where the score of the derived sound reaches the rule's minimum and no other sound's score is higher, for
    `MIN_SECONDS` at least, and if it has the wanted pitch. Of each recording, the ratio with the highest score is
    kept.

    `sounds.csv` has the columns of `grow_bank`, with the `start` and `end` of a piece in the recording that it was
    made from, `made_from` (its label), `ratio`, and `drawn`, which is empty. `group` names the recording, so that
    `FolderBank` keeps both in one split.

    Args:
        folders: folders of a labelled bank, as `FolderBank` takes them.
        output: folder to write; it is created with the first piece.
        encoder: a frozen encoder with a classifier, such as `YamnetEmbedder`.
        progress: optional function `(done, total)`, called after each recording.
        report: optional function, called with a line of text for each recording that is skipped.
        rules: rules; None takes those of the table.
        licences: which recordings may be used; None takes all. What is derived has the licence of its recording.
        stand_ins: whether to add recordings that stand in for sounds that are missing or rare (see `StandIns`), with
            the class to draw in the column `drawn`.

    Returns:
        `Growth`; its recordings are counted by derived sound.

    Raises:
        FileExistsError: if `output` exists and is not empty.
        WriteError: if the disk is full.
        DatasetError: if a folder or its table cannot be read.
    """
    check_new_folder(output)
    output, growth, rate = pathlib.Path(output), Growth(), encoder.spec.sample_rate
    of_label: dict[str, list[tuple[Derivation, SoundClasses]]] = {}
    for rule in derivations() if rules is None else rules:
        known = one_sound(encoder.class_names, rule.category, rule.heard)
        if known.classes[0]:
            of_label.setdefault(rule.of, []).append((rule, known))
    table, recordings = read_labels(folders)
    if licences is not None:
        recordings = list(licences.select(recordings, table, folders).recordings)
    rows = [row for row in recordings if row.path and (stand_ins or row.category in of_label)]
    have = [row.category for row in recordings if row.path]
    missing = StandIns(encoder.class_names, have, encoder.segment_times) if stand_ins else None
    taken: collections.Counter = collections.Counter()

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)], autograph=False)
    def classify(waveform):
        features = spectrogram(waveform, encoder.spec, dtype=tf.float32)
        return encoder.embed_and_score(features[tf.newaxis])[1][0]

    def write(row, category, piece):
        name = piece_name(category, row.file_name, taken)
        folder = folders[row.folder].name
        # The name of the recording in a bank of several folders.
        group = row.name if len(folders) > 1 else f"{folder}/{row.file_name}"
        write_piece(output / name, piece.waveform, rate)
        found = [round(value, 3) for value in (piece.score, piece.start, piece.end)]
        values = [name, category, row.source or folder, row.licence or "", group, *found]
        values += [row.category, round(piece.ratio, 3), piece.drawn]
        append_rows(output / TABLE, [*COLUMNS, "made_from", "ratio", "drawn"], [values])
        growth.pieces[category] += 1
        growth.recordings[category] += 1
        growth.seconds[category] += len(piece.waveform) / rate

    def read(row):
        try:
            return np.asarray(load_audio(str(row.path), rate)[0], np.float32)
        except AudioError as error:
            return error

    for done, (row, recording) in enumerate(zip(rows, read_ahead(read, rows, ahead=4)), 1):
        if isinstance(recording, AudioError):
            growth.skipped[str(row.path)] = recording.reason
            if report is not None:
                report(f"skipped: {recording}")
        else:
            beginning = recording[: round(_SECONDS * rate)]
            if missing is not None and beginning.any():
                missing.add(done - 1, row, _scores(classify, _scaled(beginning), rate), len(beginning) / rate)
            for rule, known in of_label.get(row.category, ()):
                pieces = (_piece(recording, rate, rule, ratio, known, classify, encoder) for ratio in rule.ratios)
                best = max((piece for piece in pieces if piece), key=lambda piece: piece.score, default=None)
                if best is not None:
                    write(row, rule.category, best)
        if progress is not None:
            progress(done, len(rows))
    chosen = missing.chosen(growth.pieces.elements()) if missing is not None else []
    for number, own in itertools.groupby(chosen, key=lambda stand_in: stand_in.row):
        row = rows[number]
        whole = _scaled(np.asarray(load_audio(str(row.path), rate)[0], np.float32)[: round(_SECONDS * rate)])
        for stand_in in own:
            waveform = whole[round(stand_in.start * rate) : round(stand_in.end * rate)]
            found = _Piece(
                1 / (1 + math.exp(-stand_in.logit)), waveform, stand_in.start, stand_in.end, 1.0, stand_in.drawn
            )
            write(row, stand_in.category, found)
    return growth


def _scaled(waveform):
    return waveform * np.float32(_PEAK / np.abs(waveform).max())


def _scores(classify, waveform, rate):
    # A network's segment takes about a second.
    return classify(np.pad(waveform, (0, max(0, rate - len(waveform))))).numpy()


def _piece(recording, rate, rule, ratio, known, classify, encoder) -> _Piece | None:
    """What a rule makes of a recording with one of its ratios; None if it is not recognized."""
    transformed = ratio != 1
    seconds = _SECONDS_TRANSFORMED * ratio if transformed else _SECONDS
    waveform = change_speed(recording[: round(seconds * rate)], ratio)
    if rule.tempo and transformed:
        waveform = change_tempo(waveform, ratio, rate)
    if not waveform.size or not waveform.any():
        return None
    waveform = _scaled(waveform)
    stretched = 1.0 if rule.tempo else ratio  # seconds of the recording in a second of the result
    scores = _scores(classify, waveform, rate)
    length = len(waveform) / rate
    found = find_stretches(scores, known, encoder.segment_times, length, rule.least, margin=0.0, min_seconds=0.0)
    if not found:
        return None
    spans = _heard(found, encoder.segment_times[1], length)
    start, end = max(spans, key=lambda span: span[1] - span[0])
    if transformed and sum(end - start for start, end in spans) >= _WHOLE * length:
        start, end = 0.0, length
    elif end - start < MIN_SECONDS:
        return None
    waveform = waveform[round(start * rate) : round(end * rate)]
    if rule.pitch is not None and not rule.pitch[0] <= pitch(waveform, rate) <= rule.pitch[1]:
        return None
    score = max(stretch.score for stretch in found)
    return _Piece(score, waveform, start * stretched, end * stretched, ratio)


def _heard(stretches, hop, length):
    """The time of all segments of some stretches: a segment of a network is about twice as long as their hop."""
    spans: list[tuple[float, float]] = []
    for stretch in stretches:
        start, end = max(0.0, stretch.start - hop / 2), min(length, stretch.end + hop / 2)
        if spans and start <= spans[-1][1] + 1e-6:
            start = spans.pop()[0]
        spans.append((start, end))
    return spans
