"""The model card of a published run."""

import math

import yaml

import aac_tf
from aac_tf.runs.card import describe_card, source_name
from aac_tf.runs.licences import describe_initial_licences, frozen_licences
from aac_tf.utils.counting import counted

_TEXT = """\
# {name}

An audio captioner of aac_tf (automated audio captioning for Keras and TensorFlow): it describes a sound file in one
sentence.

    aac-caption --run FOLDER recording.wav

`FOLDER` is this folder, or `hf://USER/REPO` of its copy on the Hugging Face hub.

## Model

{facts}

## Training data

{data}

{licences}## Scores

{scores}

## Limits

The model knows the {words} and the kinds of sound of its training data, and describes anything else as one of them.
Do not rely on it where a wrong caption does harm.
"""


def model_card(config, tokenizer, scores, licence, card, data, weights):
    """Writes the model card of a run in Markdown, with the YAML header of the Hugging Face hub.

    Args:
        config: `Config` of the run.
        tokenizer: `WordTokenizer`.
        scores: dict of `dataset`, `corpus` and `confidence_95`, as in `scores.json`; {} for none.
        licence: str, as the hub writes it.
        card: dict from `read_card`, what the run was trained on.
        data: dict of the run's data, from `Run.data`.
        weights: int, number of trained weights.

    Returns:
        str.
    """
    words = counted(tokenizer.vocabulary_size() - len({*tokenizer.special_ids, tokenizer.end_id}), "word")
    front = "log-mel spectrogram"
    for name, of_network in frozen_licences(config):
        front = f"frozen {name}, whose weights are not included" + (f" (licence: {of_network})" if of_network else "")
    facts = [
        f"front end: {front}",
        f"encoder: {config.encoder.kind}; decoder: {config.decoder.kind}",
        f"trained weights: {weights:,}",
        f"vocabulary: {words}",
        f"written by aac_tf {aac_tf.__version__}",
    ]
    if tokenizer.styles:
        facts.insert(-1, f"styles (`--style`): {', '.join(tokenizer.styles)}")
    sources = [source_name(source["source"]) for source in card["sources"]]
    for split, about in data.items():
        if isinstance(about, dict) and isinstance(about.get("clips"), int):
            sources.append(f"{split}: {counted(about['clips'], 'clip')}")
    if card.get("initial"):
        sources.append(f"starting from a run that was {describe_card(card['initial'])}")
    inherited = describe_initial_licences(card)
    finite = {name: value for name, value in scores.get("corpus", {}).items() if math.isfinite(value)}
    text = _TEXT.format(
        name=config.name,
        facts=_listed(facts),
        data=_listed(sources),
        licences=f"## Licence\n\n{_listed(inherited)}\n\n" if inherited else "",
        scores=_table(scores["dataset"], finite, scores["confidence_95"]) if finite else "Not measured.",
        words=words,
    )
    header = {
        "license": licence,
        "language": "en",
        "library_name": "aac_tf",
        "tags": ["audio-captioning", "audio", "tensorflow", "keras"],
    }
    if finite:
        results = {
            "task": {"type": "audio-captioning", "name": "Audio captioning"},
            "dataset": {"type": card["sources"][0]["source"], "name": scores["dataset"]},
            "metrics": [{"type": name, "value": round(value, 4)} for name, value in finite.items()],
        }
        header["model-index"] = [{"name": config.name, "results": [results]}]
    return f"---\n{yaml.safe_dump(header, sort_keys=False)}---\n\n{text}"


def _table(dataset, scores, intervals):
    rows = [f"Measured on: {dataset}.", "", "| score | value | 95 % interval |", "| --- | ---: | --- |"]
    for name, value in scores.items():
        interval = " to ".join(f"{bound:.3f}" for bound in intervals.get(name, ()))
        rows.append(f"| {name} | {value:.3f} | {interval} |")
    return "\n".join(rows)


def _listed(items):
    return "\n".join(f"- {item}" for item in items)
