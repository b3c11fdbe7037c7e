"""Run to scores."""

import csv
import dataclasses
import json
import pathlib
from typing import Optional

from aac_tf.audio import AudioError
from aac_tf.build import build_clips
from aac_tf.datasets.clips import DatasetError
from aac_tf.evaluation.metrics import Scores, check_metrics, compute_scores
from aac_tf.scenes.composer import read_scenes
from aac_tf.scenes.event_scores import score_scenes
from aac_tf.scenes.listening import score_listening


@dataclasses.dataclass
class Evaluation:
    """Captions and their scores.

    Attributes:
        captions: dict of file name to `Caption`, or to str.
        references: dict of file name to list of captions.
        corpus: dict of score name to score.
        per_item: dict of file name to dict of score name to score.
        left_out: list of (file name, reason).
        scores: `Scores`, which `corpus` and `per_item` were taken from.
        confidence: dict of score name to (low, high), if intervals were asked for.
        versus: dict that says what the captions were compared with, and how they did.
        split: `train`, `validation` or `test`; None of captions from a file.
        beam_size: int, of the search; None of captions from a file.
    """

    captions: dict
    references: dict
    corpus: dict
    per_item: dict
    left_out: list
    scores: Scores
    confidence: dict = dataclasses.field(default_factory=dict)
    versus: dict = dataclasses.field(default_factory=dict)
    split: Optional[str] = None
    beam_size: Optional[int] = None

    def summary(self):
        """What was scored and the corpus' scores, for JSON."""
        summary = {} if self.split is None else {"split": self.split, "beam_size": self.beam_size}
        summary |= {
            "clips": len(self.captions),
            "left_out": [{"file": name, "error": reason} for name, reason in self.left_out],
            "corpus": self.corpus,
            "not_computed": self.scores.not_computed,
        }
        if self.confidence:
            summary["confidence_95"] = {name: list(interval) for name, interval in self.confidence.items()}
        if self.versus:
            summary["versus"] = self.versus
        return summary


def evaluate(captioner, config, split, beam_size=None, metrics=None, progress=None, attention=False):
    """Captions a split and scores the captions; those of scenes also by the events they name.

    Args:
        captioner: `Captioner`.
        config: `Config` that says where the data are.
        split: `train`, `validation` or `test`.
        beam_size: see `Captioner.caption`.
        metrics: see `score_captions`.
        progress: optional function `(what) -> (function (done, total))`.
        attention: whether to score, too, where the captions' words were heard (`score_listening`); of scenes only.

    Returns:
        `Evaluation`.

    Raises:
        DatasetError: if the split has no usable clip, or `attention` is asked of clips that are no scenes.
        MetricError: if a metric asked for by name cannot be computed.
    """
    check_metrics(metrics)
    progress = progress or (lambda what: None)
    if attention and config.data.source != "scenes":
        raise DatasetError(
            f"only of scenes is it known when what sounds; these clips are data.source={config.data.source}"
        )
    clips = build_clips(config, split)
    if clips is None:
        raise DatasetError(f"{config.data.root} has no {split} split")
    captions, left_out = {}, list(clips.left_out)
    found, update = captioner.caption_each([clip.path for clip in clips], beam_size), progress(f"Captioning {split}")
    for done, (clip, caption) in enumerate(zip(clips, found), 1):
        if isinstance(caption, AudioError):
            left_out.append((clip.name, caption.reason))
        else:
            captions[clip.name] = caption
        if update:
            update(done, len(clips))
    if not captions:
        raise DatasetError(f"no clip of the {split} split could be used; the first: {left_out[0][0]}: {left_out[0][1]}")
    texts = {name: caption.text for name, caption in captions.items()}
    references = {clip.name: clip.captions for clip in clips if clip.name in captions}
    scores = compute_scores(texts, references, metrics, progress("Scoring"))
    corpus, per_item = scores.corpus(), scores.per_item()
    if config.data.source == "scenes":
        scenes = read_scenes(config.data.root, split)
        found = [score_scenes(texts, {name: scenes[name] for name in texts})]
        if attention:
            found.append(score_listening(captions, scenes))
        for scene_corpus, scene_items in found:
            corpus.update(scene_corpus)
            for name, scene_scores in scene_items.items():
                per_item[name].update(scene_scores)
    beam_size = captioner.config.decoding.beam_size if beam_size is None else beam_size
    return Evaluation(captions, references, corpus, per_item, left_out, scores, split=split, beam_size=beam_size)


def write_evaluation(evaluation, folder):
    """Writes the captions of a split and their scores.

    Args:
        evaluation: `Evaluation` of a run.
        folder: path; made if it is not there.

    Returns:
        Paths of `predictions.csv` (DCASE's `file_name,caption_predicted`) and of `metrics.json` (see `write_scores`);
        of another split than `test` they are called `predictions-SPLIT.csv` and `metrics-SPLIT.json`.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    suffix = "" if evaluation.split == "test" else f"-{evaluation.split}"
    predictions, metrics = folder / f"predictions{suffix}.csv", folder / f"metrics{suffix}.json"
    with open(predictions, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file_name", "caption_predicted"])
        writer.writerows((name, caption.text) for name, caption in evaluation.captions.items())
    write_scores(evaluation, metrics)
    return predictions, metrics


def write_scores(evaluation, path):
    """Writes scores as JSON: corpus, per item, what was left out or not computed, and why."""
    scores = {**evaluation.summary(), "per_item": evaluation.per_item}
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(scores, indent=1), encoding="utf-8")
