"""Converts a captioner to a LiteRT file."""

import json
import tempfile
import zipfile

import tensorflow as tf

from aac_tf.decoding import Greedy
from aac_tf.export.about import ABOUT, VOCABULARY, describe_model
from aac_tf.export.lite.module import STATUS, LiteModule
from aac_tf.export.lite.rewriting import rewrite
from aac_tf.models.blocks import without_blocks
from aac_tf.utils.atomic import atomic_write, writing
from aac_tf.utils.files import local_path


def convert(captioner, quantize=True, search=None, seconds=None):
    """Converts a captioner to a LiteRT model without its vocabulary.

    Args:
        captioner: `Captioner`, with any `Encoder` and any frozen encoder.
        quantize: bool, whether to store weights in 8 bits instead of 32: by the converter (dynamic-range quantization),
            or with `seconds` by `quantize_weights`, which may keep convolutions in 16.
        search: `Search`, such as `Beam(3)`; None is greedy search.
        seconds: float, for a model of fixed shapes, see `LiteModule`; None for waveforms of any length.

    Returns:
        bytes of a model with one signature, `serving_default`; see `LiteModule.signature`.
    """
    module = LiteModule(captioner, search, seconds)
    with tempfile.TemporaryDirectory() as folder:
        options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
        with writing(folder, tf.errors.OpError), without_blocks():
            tf.saved_model.save(module, folder, {"serving_default": module.signature()}, options)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        # With fixed shapes, weights are quantized afterwards. That needs loops of cells instead of fused LSTMs.
        in_converter = quantize and seconds is None
        converter.optimizations = [tf.lite.Optimize.DEFAULT] if in_converter else []
        # One scale per dense layer, as in TensorFlow 2.15. Later releases default to one scale per unit, which older
        # runtimes cannot read.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
        return rewrite(converter.convert(), quantize=quantize and not in_converter)


def export_lite(captioner, output, quantize=True, search=None, seconds=None):
    """Writes a captioner as a LiteRT model.

    Like LiteRT models with metadata, the file is also a ZIP archive. It holds the vocabulary, one word per line, and
    `model.json`, which describes the model.

    Args:
        captioner: `Captioner`.
        output: path of the file; an existing file is replaced atomically.
        quantize: bool, see `convert`.
        search: `Search`, see `convert`.
        seconds: float or None, see `convert`.

    Returns:
        dict, the content of `model.json`: see `describe_model`; `quantized`; `status`, the meanings of the output of
        this name; and with `seconds`, `seconds`.

    Raises:
        OSError: if the file cannot be written.
    """
    output = local_path(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    about = {**describe_model(captioner, search or Greedy()), "quantized": quantize, "status": list(STATUS)}
    if seconds is not None:
        about["seconds"] = seconds
    words = "".join(f"{word}\n" for word in captioner.tokenizer.get_vocabulary())
    with atomic_write(output) as unfinished:
        unfinished.write_bytes(convert(captioner, quantize, search, seconds))
        with zipfile.ZipFile(unfinished, "a") as archive:
            # ZipInfo without a time, so that the same model gives the same bytes.
            archive.writestr(zipfile.ZipInfo(VOCABULARY), words)
            archive.writestr(zipfile.ZipInfo(ABOUT), json.dumps(about, indent=1) + "\n")
    return about
