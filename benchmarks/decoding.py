"""Scores and time of searches and constraints: how captions are chosen, for one trained model.

    python benchmarks/decoding.py --run RUN --captions SCENES/captions_validation.csv \
        --setting beam --setting beam,beam_size=10,rank=consensus --setting beam,repeat_words=function

A setting is what `--search` takes. The sounds are encoded once. The table has, for each setting, BLEU-4, METEOR and
CIDEr; the difference in CIDEr from the first setting, with its paired 95 % interval; the mean number of words; how many
captions differ; how many have a word twice, function words aside; and the milliseconds per clip that the
search takes, in batches of 16. For the layout of the CSV files, see `real_recordings.py`. Choose settings on composed
scenes; recordings are for measuring the chosen one.
"""

import argparse
import pathlib
import time

import aac_tf  # noqa: F401 - selects the Keras to use, before TensorFlow is imported

import tensorflow as tf  # isort: skip
from real_recordings import sound_folder  # isort: skip

from aac_tf.audio.file_spectrogram import spectrogram_of_file
from aac_tf.build import build_constraints, build_search
from aac_tf.cli.flags import search_overrides
from aac_tf.config import load_config
from aac_tf.datasets import match_audio
from aac_tf.datasets.csv_files import read_captions
from aac_tf.decoding.function_words import FUNCTION_WORDS
from aac_tf.evaluation.confidence import compare_scores
from aac_tf.evaluation.scoring import compute_scores
from aac_tf.inference import Captioner
from aac_tf.inference.graphs import encode_function, search_function

METRICS = ["bleu", "meteor", "cider"]
BATCH = 16


def encode(captioner, paths):
    """Encoder steps and their numbers, in batches of clips."""
    encode_clips = encode_function(captioner.model, captioner.spec.num_bins)
    batches = []
    for first in range(0, len(paths), BATCH):
        clips = [spectrogram_of_file(path, captioner.spec)[0] for path in paths[first : first + BATCH]]
        features = tf.ragged.stack(clips).to_tensor(shape=[None, None, captioner.spec.num_bins])
        batches.append(encode_clips(features, tf.constant([len(clip) for clip in clips])))
    return batches


def caption(captioner, batches, setting):
    """Captions of encoded clips, and the seconds that the search takes."""
    config = load_config(None, search_overrides(argparse.Namespace(search=setting, style=None)))
    rules = captioner.rules(build_constraints(config))
    find = search_function(captioner.model, captioner.tokenizer, build_search(config), rules)
    starts = [tf.fill(tf.shape(length), captioner.start_id()) for _, length in batches]
    find(*batches[0], start=starts[0])  # compiles it
    began, captions = time.perf_counter(), []
    for (encoded, length), start in zip(batches, starts):
        tokens = find(encoded, length, start=start).tokens[:, 0]
        captions += [text.decode() for text in captioner.tokenizer.detokenize(tokens).numpy()]
    return captions, time.perf_counter() - began


def repeats(text):
    """Whether a word that is not a function word occurs twice."""
    words = [word for word in text.split() if word not in FUNCTION_WORDS]
    return len(set(words)) < len(words)


def main():
    """Measures the settings on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, help="run folder or preset")
    parser.add_argument("--captions", required=True, nargs="+", type=pathlib.Path, metavar="CSV")
    parser.add_argument("--setting", action="append", required=True, help="what --search takes; may be repeated")
    options = parser.parse_args()
    captioner = Captioner.load(options.run)
    clips = [clip for path in options.captions for clip in match_audio(read_captions(path), sound_folder(path))]
    references = {str(clip.path): clip.captions for clip in clips}
    batches = encode(captioner, list(references))
    columns = "setting, BLEU-4, METEOR, CIDEr, versus the first, words, different, repeats, ms"
    print(f"{len(clips)} clips\n| {columns.replace(', ', ' | ')} |\n| --- |" + " ---: |" * columns.count(","))
    first = None
    for setting in options.setting:
        texts, seconds = caption(captioner, batches, setting)
        found = compute_scores(dict(zip(references, texts)), references, METRICS).found
        first = first or found
        versus = compare_scores(found, first)["cider"]
        cells = [
            *(f"{found[name].corpus:.3f}" for name in ("bleu_4", "meteor", "cider")),
            f"{versus.difference:+.3f} ({versus.low:+.3f} to {versus.high:+.3f})",
            f"{sum(len(text.split()) for text in texts) / len(texts):.1f}",
            len(set(texts)),
            sum(map(repeats, texts)),
            f"{1000 * seconds / len(texts):.1f}",
        ]
        print("| " + " | ".join(map(str, [setting, *cells])) + " |", flush=True)


if __name__ == "__main__":
    main()
