"""Export of a captioner as a SavedModel for TF Serving, in a numbered folder with warm-up requests."""

import io
import json
import os
import pathlib
import shutil
import tempfile

import numpy as np
import soundfile
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from aac_tf.export.about import ABOUT, VOCABULARY, describe_model
from aac_tf.export.module import CaptioningModule
from aac_tf.export.styled_module import StyledCaptioningModule
from aac_tf.utils.atomic import writing
from aac_tf.utils.files import local_path

WARM_UP_SECONDS = 1.0


def export_saved_model(captioner, output, beam_size=None, search=None):
    """Exports a captioner as the next version of a served model.

    The version is written to a temporary folder and renamed, so that a server that polls never sees a partial model.

    Args:
        captioner: `Captioner`.
        output: path of the model's folder, whose subfolders are the versions `1`, `2`, ...; created if necessary.
        beam_size: see `Captioner.caption`.
        search: see `Captioner.caption`.

    Returns:
        `pathlib.Path` of the version: `CaptioningModule`, or `StyledCaptioningModule` if the captioner was trained with
        styles, as a SavedModel. Its folder `assets.extra` holds warm-up requests for all signatures, and `model.json`
        with the description of `describe_model`.

    Raises:
        ValueError: if the beam size is less than 1.
        OSError: if the folder cannot be written; a version that is not complete is deleted.
    """
    output = local_path(output)
    output.mkdir(parents=True, exist_ok=True)
    # TensorFlow Serving ignores folders whose names are not numbers.
    unfinished = pathlib.Path(tempfile.mkdtemp(prefix=".unfinished-", dir=output))
    try:
        with writing(output, tf.errors.OpError):
            return _rename_to_next_version(_save(captioner, unfinished, beam_size, search), output)
    finally:
        shutil.rmtree(unfinished)


def _save(captioner, folder, beam_size, search):
    """Saves a captioner in a folder; returns the path of the SavedModel."""
    vocabulary, model = folder / VOCABULARY, folder / "model"
    captioner.tokenizer.save(vocabulary)
    kind = StyledCaptioningModule if captioner.styles else CaptioningModule
    module = kind(captioner, os.fspath(vocabulary), captioner.search_for(beam_size, search))
    tf.saved_model.save(
        module,
        os.fspath(model),
        signatures=module.signatures(),
        # The model is not trained further, so it needs no gradient functions.
        options=tf.saved_model.SaveOptions(experimental_custom_gradients=False),
    )
    extra = model / "assets.extra"
    extra.mkdir()
    timeline = "timeline" in module.signatures()
    _write_warm_up(extra / "tf_serving_warmup_requests", captioner.spec.sample_rate, bool(captioner.styles), timeline)
    about = {**describe_model(captioner, module.search), "timeline": timeline}
    (extra / ABOUT).write_text(json.dumps(about, indent=1) + "\n")
    return model


def _write_warm_up(path, sample_rate, styles, timeline):
    # A server runs these before it reports that it is ready, as the first call of a signature is slow.
    noise = np.random.default_rng(0).normal(0, 0.1, int(WARM_UP_SECONDS * sample_rate)).astype(np.float32)
    inputs = {"waveform_to_text": _waveform_inputs(noise), "wav_to_text": _wav_inputs(noise, sample_rate)}
    if timeline:
        # Too short for a second segment: see below.
        inputs["timeline"] = {"waveform": noise[: sample_rate // 10]}
    if styles:
        style = np.array([""], object)
        inputs |= {f"{signature}_in_style": {**values, "style": style} for signature, values in inputs.items()}
    # A server that batches does not load the model unless the batch is the first dimension of all outputs of these
    # requests. With one row and one step, `step_seconds` has it: a single sample, or a file that is too short.
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
    """Encodes a waveform as a WAV file with 16-bit samples.

    Args:
        waveform: float array `[samples]`, from -1 to 1.
        sample_rate: int, Hz.

    Returns:
        bytes, the contents of the file.

    Example:
        >>> import numpy as np
        >>> from aac_tf.export.saved_model import wav_bytes
        >>> len(wav_bytes(np.zeros(100), 16000))  # 44 bytes of header
        244
    """
    samples = np.round(np.clip(waveform, -1, 1) * 32767).astype(np.int16)
    with io.BytesIO() as file:
        soundfile.write(file, samples, sample_rate, format="WAV", subtype="PCM_16")
        return file.getvalue()


def _rename_to_next_version(folder, output):
    # `tempfile` makes folders that only this user can read, and the server often runs as another user.
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
            continue  # another export has taken this number
        return version
