"""A captioner as a LiteRT file."""

import json
import pathlib
import tempfile
import zipfile

import tensorflow as tf

import aac_tf
from aac_tf.export.lite.module import LiteModule
from aac_tf.export.lite.rewriting import rewrite
from aac_tf.export.saved_model import ABOUT, VOCABULARY
from aac_tf.utils.atomic import atomic_write


def convert(captioner, quantize=True):
    """A captioner as a LiteRT model, without its vocabulary.

    Args:
        captioner: `Captioner`.
        quantize: bool, whether weights are stored in 8 bits (dynamic-range quantization) or in 32.

    Returns:
        bytes of a model with one signature, `serving_default`; see `LiteModule.caption_waveform`.
    """
    module = LiteModule(captioner)
    with tempfile.TemporaryDirectory() as folder:
        options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
        tf.saved_model.save(module, folder, {"serving_default": module.caption_waveform}, options)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        converter.optimizations = [tf.lite.Optimize.DEFAULT] if quantize else []
        return rewrite(converter.convert())


def export_lite(captioner, output, quantize=True):
    """Writes a captioner as a LiteRT model.

    The file is also a ZIP archive, as LiteRT models with metadata are, of the vocabulary, one word a line, and of
    `model.json`, which tells the sample rate and the like.

    Args:
        captioner: `Captioner`.
        output: path of the file; a file that is there is replaced in one step.
        quantize: bool, see `convert`.

    Returns:
        dict, what `model.json` holds.

    Raises:
        OSError: if the file cannot be written.
    """
    output = pathlib.Path(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    about = {
        "name": captioner.config.name,
        "sample_rate": captioner.spec.sample_rate,
        "max_words": captioner.tokenizer.max_words,
        "vocabulary_size": captioner.tokenizer.vocabulary_size(),
        "end_id": captioner.tokenizer.end_id,
        "front_end": captioner.config.embedding.kind if captioner.model.embedder is not None else captioner.spec.name,
        "decoder": captioner.config.decoder.kind,
        "quantized": quantize,
        "written_by": f"aac_tf {aac_tf.__version__}, TensorFlow {tf.__version__}",
    }
    words = "".join(f"{word}\n" for word in captioner.tokenizer.get_vocabulary())
    with atomic_write(output) as unfinished:
        unfinished.write_bytes(convert(captioner, quantize))
        with zipfile.ZipFile(unfinished, "a") as archive:
            # Without a time, so that the same model gives the same file.
            archive.writestr(zipfile.ZipInfo(VOCABULARY), words)
            archive.writestr(zipfile.ZipInfo(ABOUT), json.dumps(about, indent=1) + "\n")
    return about
