"""Evaluation of a trained captioner on a split."""

import csv
import dataclasses
import json
from typing import TYPE_CHECKING, Optional

from aac_tf.build_dataset import build_dataset
from aac_tf.datasets import DatasetError
from aac_tf.evaluation.scoring import Scores, check_metrics, compute_scores, start_metrics
from aac_tf.scenes.attention_scores import score_attention
from aac_tf.scenes.event_scores import score_scenes
from aac_tf.scenes.heard import heard_clips
from aac_tf.utils.atomic import atomic_write
from aac_tf.utils.files import file_path

if TYPE_CHECKING:
    from aac_tf.decoding import Constraints, Search


@dataclasses.dataclass
class Evaluation:
    """Captions and their scores.

    Attributes:
        captions: `{file name: Caption}`, or `{file name: str}` for captions from a file.
        references: `{file name: [caption, ...]}`.
        corpus: `{score name: score}`.
        per_item: `{file name: {score name: score}}`.
        left_out: list of (file name, reason).
        scores: `Scores` of the metrics; `corpus` and `per_item` also contain the scores of the events.
        confidence: `{score name: (low, high)}`, 95 % confidence intervals.
        versus: dict, the comparison with other predictions.
        split: `train`, `validation` or `test`; None for captions from a file.
        search: the `Search` that found the captions; None for captions from a file.
        style: style of all captions; None if it was not given.
        constraints: `Constraints` on the captions; None for captions from a file.
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
    search: Optional["Search"] = None
    style: Optional[str] = None
    constraints: Optional["Constraints"] = None

    def summary(self):
        """The corpus scores and what they were computed from, as a JSON object."""
        summary = (
            {}
            if self.split is None
            else {"split": self.split, "search": repr(self.search), "beam_size": self.search.size}
        )
        summary |= {
            "clips": len(self.captions),
            "left_out": [{"file": name, "error": reason} for name, reason in self.left_out],
            "corpus": self.corpus,
            "not_computed": self.scores.not_computed,
        }
        if self.style is not None:
            summary["style"] = self.style
        if self.constraints is not None:
            summary["constraints"] = dataclasses.asdict(self.constraints)
        if self.confidence:
            summary["confidence_95"] = {name: list(interval) for name, interval in self.confidence.items()}
        if self.versus:
            summary["versus"] = self.versus
        if self.scores.notes:
            summary["notes"] = self.scores.notes
        return summary


def evaluate(captioner, config, split, beam_size=None, metrics=None, progress=None, attention=False, style=None):
    """Captions a split and scores the captions; those of composed scenes also by the events that they name.

    Args:
        captioner: `Captioner`.
        config: `Config` that says where the data are.
        split: `train`, `validation` or `test`.
        beam_size: see `Captioner.caption`.
        metrics: see `score_captions`. Those of several captions take all that the search finds.
        progress: optional function `(what) -> (function (done, total))`.
        attention: bool, whether to also score the attention (`score_attention`); composed scenes only.
        style: str, see `Captioner.caption`; None takes that of each clip if the model has it, otherwise that of the
            config.

    Returns:
        `Evaluation`.

    Raises:
        DatasetError: if the split has no usable clip, or `attention` is set and the clips are not composed scenes.
        MetricError: if a metric that was requested by name cannot be computed.
    """
    from aac_tf.audio import AudioError  # imports TensorFlow, which scoring captions from a file does not need

    search = captioner.search_for(beam_size)
    check_metrics(metrics, several=search.size > 1)
    dataset = build_dataset(config)
    scenes = dataset.events(split)
    clips = heard_clips(dataset.require(split), scenes)
    if attention and scenes is None:
        raise DatasetError("--attention needs a dataset that knows when its events sound, such as data.source=scenes")
    start_metrics(metrics)
    captions, left_out = {}, list(clips.left_out)
    styles = [style or captioner.vocabulary.known_style(clip.style) for clip in clips]
    found = captioner.caption_each([clip.path for clip in clips], beam_size, style=styles)
    update = progress(f"Captioning {split}") if progress else lambda done, total: None
    for done, (clip, caption) in enumerate(zip(clips, found), 1):
        if isinstance(caption, AudioError):
            left_out.append((clip.name, caption.reason))
        else:
            captions[clip.name] = caption
        update(done, len(clips))
    if not captions:
        raise DatasetError(f"no clip of the {split} split could be used; the first: {left_out[0][0]}: {left_out[0][1]}")
    texts = {name: caption.text for name, caption in captions.items()}
    references = {clip.name: clip.captions for clip in clips if clip.name in captions}
    several = {
        name: [caption.text, *(other.text for other in caption.alternatives)] for name, caption in captions.items()
    }
    scores = compute_scores(texts, references, metrics, progress, several if search.size > 1 else None)
    corpus, per_item = scores.corpus(), scores.per_item()
    if scenes is not None:
        # Of several datasets, some may not know their events.
        known = {name: text for name, text in texts.items() if name in scenes}
        scenes = {name: scenes[name] for name in known}
        found = [score_scenes(known, scenes)]
        if attention:
            found.append(score_attention({name: captions[name] for name in known}, scenes))
        for scene_corpus, scene_items in found:
            corpus.update(scene_corpus)
            for name, scene_scores in scene_items.items():
                per_item[name].update(scene_scores)
    found_by = {"split": split, "search": search, "style": style, "constraints": captioner.constraints}
    return Evaluation(captions, references, corpus, per_item, left_out, scores, **found_by)


def write_evaluation(evaluation, folder):
    """Writes the captions of a split and their scores.

    Args:
        evaluation: `Evaluation` of a run.
        folder: path of the folder; it is created if necessary.

    Returns:
        Paths of `predictions.csv` (the DCASE challenge's columns `file_name,caption_predicted`) and `metrics.json` (see
        `write_scores`). For splits other than `test` they are `predictions-SPLIT.csv` and `metrics-SPLIT.json`.
    """
    folder = file_path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    suffix = "" if evaluation.split == "test" else f"-{evaluation.split}"
    predictions, metrics = folder / f"predictions{suffix}.csv", folder / f"metrics{suffix}.json"
    with atomic_write(predictions) as unfinished, open(unfinished, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file_name", "caption_predicted"])
        writer.writerows((name, caption.text) for name, caption in evaluation.captions.items())
    write_scores(evaluation, metrics)
    return predictions, metrics


def write_scores(evaluation, path):
    """Writes scores as JSON: corpus, per item, and what was left out or not computed and why.

    Args:
        evaluation: `Evaluation`.
        path: path of the file; its folder is created if necessary.
    """
    scores = {**evaluation.summary(), "per_item": evaluation.per_item}
    path = file_path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as unfinished:
        unfinished.write_text(json.dumps(scores, indent=1), encoding="utf-8")
