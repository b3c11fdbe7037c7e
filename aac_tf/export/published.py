"""Publishes a run: the folder that one uploads, and that every command takes as a run."""

import dataclasses
import json
import pathlib
import re
import shutil

import tensorflow as tf

from aac_tf.config import save_config
from aac_tf.embeddings.sources import PUBLISHED
from aac_tf.export.card import model_card
from aac_tf.runs import Run, RunError
from aac_tf.runs.card import read_card
from aac_tf.runs.fetch import open_run, public_name
from aac_tf.runs.licences import allow_licence, check_licence
from aac_tf.runs.network import portable_network
from aac_tf.runs.weights import read_checkpoint, save_weights
from aac_tf.utils.atomic import atomic_folder
from aac_tf.utils.counting import counted
from aac_tf.utils.files import check_new_folder, local_path


def publish_run(run, output, licence="other", half=True, scores=None, relicense=False):
    """Writes the published form of a trained run.

    The folder holds config, vocabulary, normalization, fingerprint of the frozen network and summary of the data as
    the run does, the best weights as `weights.safetensors`, the scores, and a model card for the Hugging Face hub. It
    holds no sounds, no captions and no names of files, folders and buckets.

    Args:
        run: path or URL of the run folder.
        output: path of the folder to write, which must not exist or be empty.
        licence: str, licence of the weights as the hub writes it, such as `cc-by-nc-4.0`.
        half: bool, whether to store the weights as float16.
        scores: path of a JSON file with scores under `corpus`, as `aac-evaluate` writes it, and optionally the name of
            what they were measured on under `dataset`; None takes the run's `metrics.json`, if there is one.
        relicense: bool, whether `licence` may lack conditions of the weights that training started from (see
            `check_licence`), as their owner allows it. The cards of the published run say so.

    Returns:
        `pathlib.Path` of the folder.

    Raises:
        RunError: if the run lacks what a captioner needs, a weight is beyond float16, or the licence lacks a condition
            of that of the initial weights, or is to be allowed without a name.
        FileExistsError: if the output holds files.
        WriteError: if the disk is full.
    """
    run, output = open_run(run), local_path(output)
    check_new_folder(output)
    trained, card = run.stored_config(), read_card(run)
    if relicense:
        card = allow_licence(licence, card)
    check_licence(licence, card)
    config = _portable(trained)
    tokenizer = run.tokenizer(config)
    run.normalization()
    if config.embedding.kind != "none" and not (run.folder / run.NETWORK).is_file():
        raise RunError(f"{run.name} is incomplete: it has no {run.NETWORK}, the fingerprint of its frozen network")
    weights = _best_weights(run)
    found = _scores(run, scores)
    with atomic_folder(output) as unfinished:
        written = Run(unfinished)
        for name in (run.VOCABULARY, run.NORMALIZATION, run.DATA, run.CALIBRATION):
            if (run.folder / name).is_file():
                shutil.copy(run.folder / name, unfinished / name)
        network = portable_network(run)
        if network:
            written.write_text(run.NETWORK, json.dumps(network))
        written.write_text(run.TRAINED_ON, json.dumps(card, indent=1))
        save_weights(weights, unfinished / run.WEIGHTS, half)
        if found:
            written.write_text(run.SCORES, json.dumps(found, indent=1) + "\n")
        count = sum(value.size for value in weights.values())
        written.write_text(run.CARD, model_card(trained, tokenizer, found, licence, card, run.data(), count))
        save_config(config, unfinished / run.CONFIG)
    return output


def _best_weights(run):
    checkpoint = tf.train.latest_checkpoint(str(run.best))
    if checkpoint is None:
        published = f": it is published already ({run.WEIGHTS})" if run.published else ""
        raise RunError(f"{run.name} has no checkpoint with trained weights{published}")
    return read_checkpoint(checkpoint)


def _portable(config):
    """A config without the paths and addresses of the user's files, and with a single source of data to replace."""
    source = config.data.all_sources()[0].source
    data = dataclasses.replace(config.data, source=source, root=None, sources=[], embedding_folder=None)
    bank = config.scenes.bank if config.scenes.bank == "synthetic" else None
    scenes = dataclasses.replace(config.scenes, bank=bank, scripts=None)
    training = config.training
    if training.initial:
        training = dataclasses.replace(training, initial=public_name(training.initial))
    embedding = config.embedding
    if getattr(embedding, "source", None) and not re.fullmatch(PUBLISHED[embedding.kind].known, embedding.source):
        embedding = dataclasses.replace(embedding, source=None)  # other weights are for the user to name
    return dataclasses.replace(config, data=data, scenes=scenes, training=training, embedding=embedding)


def _scores(run, path):
    """Scores for the card: dict of `dataset`, what they were measured on, `corpus` and `confidence_95`; {} for none."""
    path = run.folder / "metrics.json" if path is None else pathlib.Path(path)
    if path == run.folder / "metrics.json" and not path.is_file():
        return {}
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        corpus = {str(name): float(value) for name, value in stored["corpus"].items() if value is not None}
        intervals = {
            str(name): [float(low), float(high)] for name, (low, high) in stored.get("confidence_95", {}).items()
        }
        clips = f", {counted(int(stored['clips']), 'clip')}" if "clips" in stored else ""
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise RunError(f"{path} has no scores: expected a JSON object with `corpus`, as aac-evaluate writes") from error
    dataset = str(stored.get("dataset") or f"{stored.get('split') or 'test'} split of the training data")
    return {"dataset": dataset + clips, "corpus": corpus, "confidence_95": intervals}
