"""Loading an exported SavedModel and captioning batches of waveforms with it."""

import hashlib
import os

import numpy as np
import tensorflow as tf

from aac_tf.audio import error_reason
from aac_tf.errors import AacError
from aac_tf.many.job import read_json
from aac_tf.utils.files import load_file_system

_ABOUT = os.path.join("assets.extra", "model.json")


class ModelError(AacError, ValueError):
    """A folder holds no model of `aac-export`."""


def newest_version(folder):
    """Finds the SavedModel in a folder: the folder itself, or its subfolder with the highest number.

    Args:
        folder: str, path of the folder.

    Returns:
        str, path of the SavedModel.

    Raises:
        ModelError: if there is none.
    """
    load_file_system(folder)
    if tf.saved_model.contains_saved_model(folder):
        return folder
    names = tf.io.gfile.listdir(folder) if tf.io.gfile.isdir(folder) else []
    versions = sorted(int(name.rstrip("/")) for name in names if name.rstrip("/").isdecimal())
    for version in reversed(versions):
        if tf.saved_model.contains_saved_model(os.path.join(folder, str(version))):
            return os.path.join(folder, str(version))
    raise ModelError(f"{folder} holds no SavedModel: write one with aac-export --run RUN --output {folder}")


def model_fingerprint(version):
    """Computes a str that identifies an exported model and its copies.

    Args:
        version: str, path of the SavedModel.

    Raises:
        ModelError: if the model lacks TensorFlow's `fingerprint.pb`.
    """
    path = os.path.join(version, "fingerprint.pb")
    if not tf.io.gfile.exists(path):
        raise ModelError(f"{version} has no fingerprint.pb: export the model again with aac-export")
    with tf.io.gfile.GFile(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def check_style(version, style):
    """Checks that an exported model has a style.

    Args:
        version: str, path of the SavedModel.
        style: str, name of the style; None, the model's default, is always there.

    Raises:
        ModelError: if it does not.
    """
    styles = _describe(version).get("styles")
    known = [*styles, "none"] if isinstance(styles, list) else []
    if style is not None and style not in known:
        has = f"it has {', '.join(map(str, known))}" if known else "it was trained without styles"
        raise ModelError(f"{version} has no style {style!r}: {has}")


def check_timeline(version):
    """Checks that an exported model captions over time.

    Args:
        version: str, path of the SavedModel.

    Raises:
        ModelError: if it does not.
    """
    if not _describe(version).get("timeline"):
        raise ModelError(
            f"{version} does not caption over time: export the model again with aac-export, of a single --run"
        )


def _describe(version):
    """The content of the model's description, a dict, which is empty if it is damaged."""
    about = os.path.join(version, _ABOUT)
    if not tf.io.gfile.exists(about):
        raise ModelError(f"{version} has no {_ABOUT}: export the model with aac-export")
    described = read_json(about)
    return described if isinstance(described, dict) else {}


class SavedCaptioner:
    """A loaded SavedModel.

    Args:
        version: str, path of the SavedModel, see `newest_version`.
        style: str, style of the captions, of a model that was trained with styles; None for the model's default.

    Attributes:
        sample_rate: int, Hz, sample rate of the waveforms that the model takes.

    Raises:
        ModelError: if the model is damaged, or was not written by `aac-export`, or it does not have the style.
    """

    def __init__(self, version, style=None):
        load_file_system(version)  # in this worker
        described, about = _describe(version), os.path.join(version, _ABOUT)
        check_style(version, style)
        self.sample_rate = described.get("sample_rate")
        if not isinstance(self.sample_rate, int) or not 1000 <= self.sample_rate <= 768000:
            raise ModelError(f"{about} is damaged: it has no sample_rate; export the model again with aac-export")
        try:
            self._model = tf.saved_model.load(version)  # kept, as its signatures become invalid when it is deleted
            self._style = None if style is None else tf.constant(style)
            self._caption = self._model.signatures["waveform_to_text" if style is None else "waveform_to_text_in_style"]
        except Exception as error:  # TensorFlow raises anything for damaged files
            raise ModelError(f"{version} is damaged, export the model again: {str(error)[:200]}") from error

    def caption(self, waveforms):
        """Captions a batch of waveforms; one by one if the batch does not fit into memory.

        Args:
            waveforms: list of float32 arrays `[samples]` at `sample_rate`.

        Returns:
            list with a dict for each waveform: `caption`, `log_prob` and, if the search has several hypotheses,
            `alternatives`; or only `error`, why there is no caption.
        """
        try:
            return self._caption_batch(waveforms)
        except tf.errors.OpError as error:
            if len(waveforms) == 1:
                return [{"error": error_reason(error.message)}]
            return [self.caption([waveform])[0] for waveform in waveforms]

    def timeline(self, waveform):
        """Captions a waveform over time.

        Args:
            waveform: float32 array `[samples]` at `sample_rate`.

        Returns:
            dict with `segments`, a list of dicts of `begin`, `end`, `caption` and `log_prob`; or only `error`, why
            there are none.
        """
        style = {} if self._style is None else {"style": self._style[tf.newaxis]}
        name = "timeline" if self._style is None else "timeline_in_style"
        try:
            found = self._model.signatures[name](waveform=tf.constant(waveform), **style)
        except tf.errors.OpError as error:
            return {"error": error_reason(error.message)}
        found = {name: value.numpy() for name, value in found.items()}
        if found["status"][0]:
            return {"error": found["status"][0].decode()}
        rows = zip(found["begin"].tolist(), found["end"].tolist(), found["caption"], found["log_prob"].tolist())
        return {
            "segments": [
                {"begin": round(begin, 3), "end": round(end, 3), "caption": caption.decode(), "log_prob": log_prob}
                for begin, end, caption, log_prob in rows
            ]
        }

    def _caption_batch(self, waveforms):
        length = np.array([len(waveform) for waveform in waveforms], np.int32)
        batch = np.zeros([len(waveforms), length.max()], np.float32)
        for row, waveform in zip(batch, waveforms):
            row[: len(waveform)] = waveform
        style = {} if self._style is None else {"style": tf.fill([len(waveforms)], self._style)}
        found = self._caption(waveform=tf.constant(batch), length=tf.constant(length), **style)
        found = {name: found[name].numpy() for name in ("captions", "log_probs", "status")}
        return [_line(*row) for row in zip(found["captions"], found["log_probs"], found["status"])]


def _line(captions, log_probs, status):
    if status:
        return {"error": status.decode()}
    found = [
        {"caption": caption.decode(), "log_prob": float(log_prob)}
        for caption, log_prob in zip(captions, log_probs)
        if log_prob > -1e30  # a beam that is wider than the number of possible captions has impossible ones, too
    ]
    if not found:
        return {"error": "the model found no caption"}
    return {**found[0], **({"alternatives": found[1:]} if len(captions) > 1 else {})}
