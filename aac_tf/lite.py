"""Captioner to LiteRT (TensorFlow Lite): a file from waveform to the words of greedy search, of built-in operations."""

import itertools
import json
import os
import pathlib
import tempfile
import zipfile

import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

import aac_tf
from aac_tf.audio import spectrogram
from aac_tf.build import build_search
from aac_tf.models.recurrent import subsampled_length
from aac_tf.saved_model import ABOUT, VOCABULARY

# Steps of a GRU that one turn of its loop takes. A turn copies all that the loop carries; with one step a turn, a clip
# of 30 s took nine times as long.
BLOCK = 16
# An input so large that, times the largest weight of a gate, it shuts the gate.
SHUT = 1e3


class LiteModule(tf.Module):
    """A captioner as a graph that LiteRT's built-in operations can compute: one clip, greedy search.

    Args:
        captioner: `Captioner`.
    """

    def __init__(self, captioner):
        super().__init__()
        model = captioner.model
        embedder = model.embedder
        if embedder is not None:
            # All windows at once and in float32: LiteRT can neither loop over parts of them nor compute in bfloat16.
            settings = {**embedder.get_config(), "batch_windows": None}
            settings |= {"precision": "float32"} if "precision" in settings else {}
            embedder = type(embedder).from_config(settings)
        # In closures: Keras' layers would be saved with all the functions Keras makes for them.
        self._captioner = lambda: captioner
        self._embedder = lambda: embedder
        marks = itertools.count(1)
        recurrent = [_Bidirectional(layer, marks) for layer in model.encoder.bidirectional]
        self._recurrent = lambda: recurrent
        self._weights = [*model.weights, *(weight for run in recurrent for weight in run.weights)]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="waveform")], autograph=False)
    def caption_waveform(self, waveform):
        """Captions a clip at the model's sample rate.

        Args:
            waveform: float32 `[samples]`, at least one.

        Returns:
            dict of `tokens` int32 `[max_words + 1]`, `<END>` last and from there on, and `log_prob` float32, a scalar.
        """
        captioner = self._captioner()
        model, spec, embedder = captioner.model, captioner.spec, self._embedder()
        hidden = spectrogram(waveform[tf.newaxis], spec, dtype=tf.float32, mel_matrix=_unquantized(spec, waveform))
        hidden = _one_row(hidden)
        if model.normalization is not None:
            hidden = model.normalization(hidden)
        if embedder is not None:
            hidden, _ = embedder(hidden)
        encoded = self._encode(hidden)
        found = build_search(captioner.config, model, captioner.tokenizer, beam_size=1)(encoded, tf.shape(encoded)[1:2])
        return {"tokens": found.tokens[0, 0], "log_prob": found.log_probs[0, 0]}

    def _encode(self, hidden):
        """What the encoder returns for one clip, `[1, steps, width]`."""
        encoder = self._captioner().model.encoder
        for index, run in enumerate(self._recurrent()):
            if index and encoder.subsampling > 1:
                kept = subsampled_length(tf.shape(hidden)[1], encoder.subsampling)
                hidden = hidden[:, :: encoder.subsampling][:, :kept]
            hidden = _one_row(hidden)
            output = run(hidden)
            hidden = hidden + output if encoder.residual and index else output
        return hidden


def _one_row(hidden):
    """The same tensor `[1, steps, width]`, so that the converter, too, knows that it has one row."""
    return tf.reshape(hidden, [1, -1, hidden.shape[-1]])


class _FusedLstm:
    """A Keras `LSTM` that the converter writes as LiteRT's one operation for it, and that forgets the clip before.

    LiteRT keeps an LSTM's state from one run to the next where the length stays the same. So a step goes before the
    clip's own: it has an input that the others have not, which shuts the gates for the input and for the past.

    Args:
        layer: `tf.keras.layers.LSTM`, built; its direction does not matter.
        marks: iterator of numbers, none twice.
    """

    def __init__(self, layer, marks):
        kernel, recurrent_kernel, bias = layer.get_weights()
        shut = np.zeros([1, 4, layer.units], kernel.dtype)
        gates = np.abs(kernel).reshape([-1, 4, layer.units])
        # No larger than the other weights of its gate, as they would lose their bits when they are quantized together.
        shut[:, :2] = -gates.max(axis=(0, 2))[:2, np.newaxis]
        # Named activations may be functions of another Keras, with which the layer does not take its fast path, the
        # only one that the converter knows.
        self._layer = tf.keras.layers.LSTM(
            layer.units,
            activation=tf.keras.activations.tanh,
            recurrent_activation=tf.keras.activations.sigmoid,
            return_sequences=True,
        )
        self._layer.build(tf.TensorShape([1, None, kernel.shape[0] + 1]))
        self._layer.set_weights([np.concatenate([kernel, shut.reshape([1, -1])]), recurrent_kernel, bias])
        self.weights = self._layer.weights
        # The first step wipes any state out. But the converter takes states of the same value for one tensor, which
        # one layer would write and another, or the decoder, would read.
        self._state = [np.full([1, layer.units], next(marks), np.float32) for _ in range(2)]

    def __call__(self, inputs):
        first = np.zeros([1, 1, inputs.shape[-1] + 1], np.float32)
        first[..., -1] = SHUT
        inputs = tf.concat([first, tf.pad(inputs, [[0, 0], [0, 0], [0, 1]])], axis=1)
        return self._layer(inputs, initial_state=[tf.constant(state) for state in self._state])[:, 1:]


class _BlockedGru:
    """A Keras `GRU` whose loop takes `BLOCK` steps a turn.

    Args:
        layer: `tf.keras.layers.GRU`, built; its direction does not matter.
    """

    weights = ()

    def __init__(self, layer):
        self._cell = layer.cell

    def __call__(self, inputs):
        steps = tf.shape(inputs)[1]
        turns = (steps + BLOCK - 1) // BLOCK
        blocks = tf.pad(inputs, [[0, 0], [0, turns * BLOCK - steps], [0, 0]])
        blocks = tf.reshape(blocks, [-1, BLOCK, inputs.shape[-1]])

        def turn(index, states, hidden):
            block = []
            for step in tf.unstack(blocks[index]):
                hidden, _ = self._cell(step[tf.newaxis], [hidden])
                block.append(hidden)
            return index + 1, states.write(index, tf.concat(block, axis=0)), hidden

        states = tf.TensorArray(tf.float32, turns, element_shape=[BLOCK, self._cell.units])
        start = (0, states, tf.zeros([1, self._cell.units]))
        _, states, _ = tf.while_loop(lambda index, *_: index < turns, turn, start)
        return tf.reshape(states.stack(), [1, -1, self._cell.units])[:, :steps]


class _Bidirectional:
    """A Keras `Bidirectional` layer for one clip: float32 `[1, steps, width]` to `[1, steps, 2 * units]`."""

    def __init__(self, layer, marks):
        layers = (layer.forward_layer, layer.backward_layer)
        self._forward, self._backward = (
            _FusedLstm(one, marks) if isinstance(one, tf.keras.layers.LSTM) else _BlockedGru(one) for one in layers
        )
        self.weights = [*self._forward.weights, *self._backward.weights]

    def __call__(self, inputs):
        backward = tf.reverse(self._backward(tf.reverse(inputs, [1])), [1])
        return tf.concat([self._forward(inputs), backward], axis=-1)


def _unquantized(spec, waveform):
    """The mel filter bank as a tensor that the converter takes for no constant.

    Constant factors of a product are quantized, and then the other factor is, too, when the model runs; but magnitudes
    have more range than 8 bits hold: the model of the demo then said something else in every third test scene.
    """
    one = 1 + tf.minimum(tf.shape(waveform), 0)
    return tf.tile(spec.mel_matrix(), tf.concat([one, [1]], axis=0))


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
        model = flatbuffer_utils.convert_bytearray_to_object(bytearray(converter.convert()))
    _unclip(model)
    _convolve_in_float(model)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _unclip(model):
    """Lets the memory of LSTM cells grow as Keras does; the converter clips it at 10."""
    for graph in model.subgraphs:
        for operation in graph.operators:
            if isinstance(operation.builtinOptions, schema.UnidirectionalSequenceLSTMOptionsT):
                operation.builtinOptions.cellClip = 0.0


def _convolve_in_float(model):
    """Has convolutions with 8-bit weights restore these once, rather than round what they are multiplied with.

    With YAMNet's 27 layers, one rounding after another, 6 % of 260 captions were not those of the SavedModel; so it is
    2 %, and on x86 a third faster.
    """
    operators = schema.BuiltinOperator
    kinds = [code.builtinCode for code in model.operatorCodes]
    convolutions = [
        (graph, operation)
        for graph in model.subgraphs
        for operation in graph.operators
        if kinds[operation.opcodeIndex] in (operators.CONV_2D, operators.DEPTHWISE_CONV_2D)
        and graph.tensors[operation.inputs[1]].type == schema.TensorType.INT8
    ]
    if not convolutions:
        return
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = operators.DEQUANTIZE
    code.version = 5  # the first with a scale for every channel
    model.operatorCodes.append(code)
    for graph, convolution in convolutions:
        stored = graph.tensors[convolution.inputs[1]]
        restored = schema.TensorT()
        restored.name, restored.shape, restored.hasRank = stored.name + b"/restored", list(stored.shape), True
        restored.type = schema.TensorType.FLOAT32
        graph.tensors.append(restored)
        restore = schema.OperatorT()
        restore.opcodeIndex = len(model.operatorCodes) - 1
        restore.inputs, restore.outputs = [convolution.inputs[1]], [len(graph.tensors) - 1]
        restore.builtinOptionsType = schema.BuiltinOptions.DequantizeOptions
        restore.builtinOptions = schema.DequantizeOptionsT()
        convolution.inputs[1] = len(graph.tensors) - 1
        graph.operators.insert(graph.operators.index(convolution), restore)


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
    unfinished = output.with_name(f".unfinished-{os.getpid()}-{output.name}")
    try:
        unfinished.write_bytes(convert(captioner, quantize))
        with zipfile.ZipFile(unfinished, "a") as archive:
            # Without a time, so that the same model gives the same file.
            archive.writestr(zipfile.ZipInfo(VOCABULARY), words)
            archive.writestr(zipfile.ZipInfo(ABOUT), json.dumps(about, indent=1) + "\n")
        os.replace(unfinished, output)
    finally:
        unfinished.unlink(missing_ok=True)
    return about
