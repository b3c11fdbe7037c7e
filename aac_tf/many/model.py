"""An exported SavedModel that captions batches of waveforms."""

import hashlib
import json
import os

import numpy as np
import tensorflow as tf

from aac_tf.audio import error_reason
from aac_tf.errors import AacError

_ABOUT = os.path.join("assets.extra", "model.json")


class ModelError(AacError, ValueError):
    """A folder that holds no model of `aac-export`."""


def newest_version(folder):
    """The SavedModel in a folder: the folder itself, or of its numbered subfolders the highest.

    Raises:
        ModelError: if there is none.
    """
    if tf.saved_model.contains_saved_model(folder):
        return folder
    names = tf.io.gfile.listdir(folder) if tf.io.gfile.isdir(folder) else []
    versions = sorted(int(name.rstrip("/")) for name in names if name.rstrip("/").isdecimal())
    for version in reversed(versions):
        if tf.saved_model.contains_saved_model(os.path.join(folder, str(version))):
            return os.path.join(folder, str(version))
    raise ModelError(f"{folder} holds no SavedModel: write one with aac-export --run RUN --output {folder}")


def model_fingerprint(version):
    """What no other exported model has, a str, wherever this one is copied to.

    Raises:
        ModelError: if the model lacks TensorFlow's `fingerprint.pb`.
    """
    path = os.path.join(version, "fingerprint.pb")
    if not tf.io.gfile.exists(path):
        raise ModelError(f"{version} has no fingerprint.pb: export the model again with aac-export")
    with tf.io.gfile.GFile(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


class SavedCaptioner:
    """A loaded SavedModel.

    Args:
        version: path of the SavedModel, see `newest_version`.

    Attributes:
        sample_rate: Hz, int, of the waveforms that it takes.

    Raises:
        ModelError: if it is not one of `aac-export`.
    """

    def __init__(self, version):
        about = os.path.join(version, _ABOUT)
        if not tf.io.gfile.exists(about):
            raise ModelError(f"{version} has no {_ABOUT}: export the model with aac-export")
        with tf.io.gfile.GFile(about) as file:
            self.sample_rate = json.loads(file.read())["sample_rate"]
        self._model = tf.saved_model.load(version)  # a signature lives no longer than its model
        self._caption = self._model.signatures["waveform_to_text"]

    def caption(self, waveforms):
        """Captions waveforms together.

        Args:
            waveforms: list of float32 arrays `[samples]` at `sample_rate`.

        Returns:
            list with, for each, a dict of `caption`, `log_prob` and, where the search was a beam, `alternatives`; or of
            `error`, why there is none. If the batch is too much for the memory, they are captioned one by one.
        """
        try:
            return self._together(waveforms)
        except tf.errors.OpError as error:
            if len(waveforms) == 1:
                return [{"error": error_reason(error.message)}]
            return [self.caption([waveform])[0] for waveform in waveforms]

    def _together(self, waveforms):
        length = np.array([len(waveform) for waveform in waveforms], np.int32)
        batch = np.zeros([len(waveforms), length.max()], np.float32)
        for row, waveform in zip(batch, waveforms):
            row[: len(waveform)] = waveform
        found = self._caption(waveform=tf.constant(batch), length=tf.constant(length))
        found = {name: found[name].numpy() for name in ("captions", "log_probs", "status")}
        return [_line(*row) for row in zip(found["captions"], found["log_probs"], found["status"])]


def _line(captions, log_probs, status):
    if status:
        return {"error": status.decode()}
    found = [
        {"caption": caption.decode(), "log_prob": float(log_prob)}
        for caption, log_prob in zip(captions, log_probs)
        if log_prob > -1e30  # a beam wider than the number of possible captions is filled up with impossible ones
    ]
    return {**found[0], **({"alternatives": found[1:]} if len(captions) > 1 else {})}
