"""Precision of `aac-bank` on labelled sounds.

    python benchmarks/grown_bank.py FOLDER...

Each folder holds labelled sounds, as `scenes.bank` takes them. Prints, for several thresholds, the pieces that
`find_stretches` cuts out of them, how many carry the label of their file or a kind of it or what it is a kind of, how
many files give a piece, and the most common mistakes. `--margin` sets the margin, `--min-seconds` the minimum length.
"""

import argparse
import collections
import pathlib

import aac_tf  # noqa: F401 - selects the Keras to use, before TensorFlow is imported

import tensorflow as tf  # isort: skip
from tqdm import tqdm

from aac_tf.audio.file_spectrogram import spectrogram_of_file
from aac_tf.embeddings import YamnetEmbedder
from aac_tf.labelling.stretches import MARGIN, MIN_SECONDS, find_stretches
from aac_tf.scenes.banks.labels import read_labels
from aac_tf.scenes.sound_classes import sound_classes
from aac_tf.scenes.wording import same_kind


def main():
    """Prints the precision at several thresholds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    parser.add_argument("--thresholds", type=float, nargs="+", default=[0.3, 0.5, 0.7, 0.8])
    parser.add_argument("--margin", type=float, default=MARGIN)
    parser.add_argument("--min-seconds", type=float, default=MIN_SECONDS)
    options = parser.parse_args()
    embedder = YamnetEmbedder()
    features = tf.TensorSpec([1, None, embedder.spec.num_bins], tf.float32)
    score = tf.function(lambda sound: embedder.embed_and_score(sound)[1], [features], autograph=False)
    clips = []
    for row in tqdm(read_labels(options.folders)[1], desc="YAMNet"):
        sound, seconds = spectrogram_of_file(row.path, embedder.spec)
        clips.append((row.category, score(sound[tf.newaxis])[0].numpy(), seconds))
    known = sound_classes(embedder.class_names)
    for threshold in options.thresholds:
        right, pieces, files, mistakes = 0, 0, 0, collections.Counter()
        length, length_right = 0.0, 0.0
        for label, scores, seconds in clips:
            limits = {"threshold": threshold, "margin": options.margin, "min_seconds": options.min_seconds}
            found = find_stretches(scores, known, embedder.segment_times, seconds, **limits)
            pieces, files = pieces + len(found), files + bool(found)
            for piece in found:
                length += piece.end - piece.start
                if same_kind(label, piece.category):
                    right, length_right = right + 1, length_right + piece.end - piece.start
                else:
                    mistakes[f"{piece.category} in {label}"] += 1
        print(
            f"threshold {threshold}: {pieces} pieces, {right / max(1, pieces):.3f} of them right, "
            f"{length_right / max(1e-9, length):.3f} of their seconds, of {files} of {len(clips)} files"
        )
        print("  " + "; ".join(f"{count} {mistake}" for mistake, count in mistakes.most_common(8)))


if __name__ == "__main__":
    main()
