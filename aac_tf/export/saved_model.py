"""Captioner to SavedModel: the numbered folder that TF Serving looks for, with its warm-up requests."""

import json
import os
import pathlib
import shutil
import struct
import tempfile

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from aac_tf.export.about import ABOUT, VOCABULARY, describe_model
from aac_tf.export.module import CaptioningModule

WARM_UP_SECONDS = 1.0


def export_saved_model(captioner, output, beam_size=None, search=None):
    """Writes a captioner as the next version of a served model.

    All of it is written beside and then renamed, so that a server that polls the folder never sees half a model.

    Args:
        captioner: `Captioner`.
        output: path of the model's folder, whose subfolders are its versions, `1`, `2`, ...; it is made if need be.
        beam_size: see `Captioner.caption`.
        search: see `Captioner.caption`.

    Returns:
        `pathlib.Path` of the version: `CaptioningModule` as a SavedModel, and in its folder `assets.extra` warm-up
        requests for every signature and `model.json`, which tells the sample rate and the like.

    Raises:
        ValueError: for a beam size below 1.
        OSError: if the folder cannot be written.
    """
    output = pathlib.Path(output)
    output.mkdir(parents=True, exist_ok=True)
    # TensorFlow Serving looks at names that are numbers, and at no others.
    unfinished = pathlib.Path(tempfile.mkdtemp(prefix=".unfinished-", dir=output))
    try:
        vocabulary = unfinished / VOCABULARY
        captioner.tokenizer.save(vocabulary)
        module = CaptioningModule(captioner, os.fspath(vocabulary), captioner.search_for(beam_size, search))
        folder = unfinished / "model"
        tf.saved_model.save(
            module,
            os.fspath(folder),
            signatures=module.signatures(),
            # Nobody will train it: the recurrent layers' gradients can stay behind.
            options=tf.saved_model.SaveOptions(experimental_custom_gradients=False),
        )
        extra = folder / "assets.extra"
        extra.mkdir()
        _write_warm_up(extra / "tf_serving_warmup_requests", captioner.spec.sample_rate)
        (extra / ABOUT).write_text(json.dumps(describe_model(captioner, module.search), indent=1) + "\n")
        return _rename_to_next_version(folder, output)
    finally:
        shutil.rmtree(unfinished)


def _write_warm_up(path, sample_rate):
    # A server runs these before it says that it is ready; the first run of a signature is what takes long.
    noise = np.random.default_rng(0).normal(0, 0.1, int(WARM_UP_SECONDS * sample_rate)).astype(np.float32)
    inputs = {"waveform_to_text": _waveform_inputs(noise), "wav_to_text": _wav_inputs(noise, sample_rate)}
    # A server that batches takes only outputs with the batch first, also here, or does not load the model at all. With
    # one row and one step `step_seconds` passes for such: the step of a single sample, or of a file that is too short.
    inputs |= {"serving_default": _waveform_inputs(noise[:1]), "caption_wav": _wav_inputs(noise[:1], sample_rate)}
    with tf.io.TFRecordWriter(os.fspath(path)) as writer:
        for signature, values in inputs.items():
            request = predict_pb2.PredictRequest()
            request.model_spec.name = "captioner"
            request.model_spec.signature_name = signature
            for name, value in values.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
            writer.write(log.SerializeToString())


def _waveform_inputs(waveform):
    return {"waveform": waveform[np.newaxis], "length": np.array([len(waveform)], np.int32)}


def _wav_inputs(waveform, sample_rate):
    return {"wav_bytes": np.array([wav_bytes(waveform, sample_rate)], object)}


def wav_bytes(waveform, sample_rate):
    """A WAV file of 16-bit samples.

    Args:
        waveform: float array `[samples]`, full scale at 1.
        sample_rate: Hz, int.

    Returns:
        The file's bytes.
    """
    data = np.round(np.clip(waveform, -1, 1) * 32767).astype("<i2").tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    body = b"WAVE" + form + struct.pack("<4sI", b"data", len(data)) + data
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def _rename_to_next_version(folder, output):
    # Made by `tempfile` for this user alone; a server is often another.
    mask = os.umask(0)
    os.umask(mask)
    while True:
        versions = [int(path.name) for path in output.iterdir() if path.name.isdecimal()]
        version = output / str(max(versions, default=0) + 1)
        try:
            folder.chmod(0o777 & ~mask)
            folder.rename(version)
        except OSError:
            if not version.exists():
                raise
            continue  # another export took this number meanwhile
        return version
