"""Run to scores."""

import csv
import dataclasses
import json
import pathlib

from aac_tf.audio import AudioError
from aac_tf.build import build_clips
from aac_tf.data.clips import DatasetError
from aac_tf.data.scenes import read_scenes
from aac_tf.evaluation.metrics import score_captions
from aac_tf.evaluation.scenes import score_scenes


@dataclasses.dataclass
class Evaluation:
    """Captions and scores of a split.

    Attributes:
        captions: dict of file name to `Caption`.
        references: dict of file name to list of captions.
        corpus: dict of score name to score.
        per_item: dict of file name to dict of score name to score.
        left_out: list of (file name, reason).
    """

    captions: dict
    references: dict
    corpus: dict
    per_item: dict
    left_out: list


def evaluate(captioner, config, split, beam_size=None, metrics=None, progress=None):
    """Captions a split and scores the captions; those of scenes also by the events they name.

    Args:
        captioner: `Captioner`.
        config: `Config` that says where the data are.
        split: `train`, `validation` or `test`.
        beam_size: see `Captioner.caption`.
        metrics: see `score_captions`.
        progress: optional function called as `progress(done, total)`.

    Returns:
        `Evaluation`.

    Raises:
        DatasetError: if the split has no usable clip.
    """
    clips = build_clips(config, split)
    if clips is None:
        raise DatasetError(f"{config.data.root} has no {split} split")
    captions, left_out = {}, list(clips.left_out)
    found = captioner.caption_each([clip.path for clip in clips], beam_size)
    for done, (clip, caption) in enumerate(zip(clips, found), 1):
        if isinstance(caption, AudioError):
            left_out.append((clip.name, caption.reason))
        else:
            captions[clip.name] = caption
        if progress:
            progress(done, len(clips))
    if not captions:
        raise DatasetError(f"no clip of the {split} split could be used; the first: {left_out[0][0]}: {left_out[0][1]}")
    texts = {name: caption.text for name, caption in captions.items()}
    references = {clip.name: clip.captions for clip in clips if clip.name in captions}
    corpus, per_item = score_captions(texts, references, metrics)
    if config.data.source == "scenes":
        scenes = read_scenes(config.data.root, split)
        scene_corpus, scene_items = score_scenes(texts, {name: scenes[name] for name in texts})
        corpus.update(scene_corpus)
        for name, scores in scene_items.items():
            per_item[name].update(scores)
    return Evaluation(captions, references, corpus, per_item, left_out)


def write_evaluation(evaluation, folder):
    """Writes `predictions.csv` (DCASE's `file_name,caption_predicted`) and `metrics.json` (corpus, per item)."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "predictions.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file_name", "caption_predicted"])
        writer.writerows((name, caption.text) for name, caption in evaluation.captions.items())
    scores = {
        "clips": len(evaluation.captions),
        "left_out": [{"file_name": name, "reason": reason} for name, reason in evaluation.left_out],
        "corpus": evaluation.corpus,
        "per_item": evaluation.per_item,
    }
    (folder / "metrics.json").write_text(json.dumps(scores, indent=1), encoding="utf-8")
