"""Storage of a converted model's weights in 8 or 16 bits, for computation in float32."""

import collections
import typing

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

_OPERATORS = schema.BuiltinOperator


class _Place(typing.NamedTuple):
    position: int  # the input that holds the weights
    axis: int  # the axis with one scale per entry
    tolerance: float  # largest error of weights in 8 bits, relative to their norm; beyond, they take 16 bits


_WEIGHTS = {
    _OPERATORS.FULLY_CONNECTED: _Place(1, 0, np.inf),
    _OPERATORS.CONV_2D: _Place(1, 0, 1e-3),
    _OPERATORS.DEPTHWISE_CONV_2D: _Place(1, 3, 1e-3),
    _OPERATORS.GATHER: _Place(0, 0, np.inf),
}
# Fewer weights stay as they are.
_LEAST = 256


def restored(model, graph, index):
    """Adds an operation that dequantizes a stored tensor, which runtimes run once.

    Args:
        model: `ModelT`, changed.
        graph: `SubGraphT` of the model.
        index: int, the tensor of 8 or 16 bits.

    Returns:
        int, the float32 tensor.
    """
    stored, tensor, operation = graph.tensors[index], schema.TensorT(), schema.OperatorT()
    tensor.name, tensor.shape, tensor.hasRank = stored.name + b"/restored", list(stored.shape), True
    tensor.type = schema.TensorType.FLOAT32
    graph.tensors.append(tensor)
    operation.opcodeIndex = _dequantize_code(model)
    operation.inputs, operation.outputs = [index], [len(graph.tensors) - 1]
    operation.builtinOptionsType = schema.BuiltinOptions.DequantizeOptions
    operation.builtinOptions = schema.DequantizeOptionsT()
    graph.operators.insert(0, operation)
    return len(graph.tensors) - 1


def _dequantize_code(model):
    """The index of the code of `DEQUANTIZE` in its first version with a scale per channel."""
    for index, code in enumerate(model.operatorCodes):
        if code.builtinCode == _OPERATORS.DEQUANTIZE and code.version == 5:
            return index
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = _OPERATORS.DEQUANTIZE
    code.version = 5
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def quantize_weights(model):
    """Stores the weights of a model in 8 bits, with one scale per unit, filter or word.

    Those of convolutions take 16, unless they lose next to nothing in 8, as if they had been in 8 bits before.

    The converter's own quantization also quantizes the inputs of each product when the model runs, and has one scale
    per dense layer. More captions then differ from those of the captioner, and the more so the more layers of YAMNet
    are in 8 bits; dense layers matter less.

    Args:
        model: `ModelT` with float32 weights, changed.
    """
    for buffer, place in _weight_buffers(model).items():
        found = [(graph, index) for graph in model.subgraphs for index in _tensors_of(graph, buffer)]
        shape = found[0][0].tensors[found[0][1]].shape
        values = np.frombuffer(bytes(model.buffers[buffer].data), np.float32).reshape(shape)
        stored, kind, quantization = _in_8_bits(values, place.axis, place.tolerance) or _in_16_bits(values)
        model.buffers[buffer].data = stored.reshape(-1).view(np.uint8)
        for graph, index in found:
            graph.tensors[index].type, graph.tensors[index].quantization = kind, quantization
            readers = [operation for operation in graph.operators if index in operation.inputs]
            float_index = restored(model, graph, index)
            for operation in readers:
                operation.inputs = [float_index if given == index else given for given in operation.inputs]


def _in_16_bits(values):
    """The numbers to store, their type and their `QuantizationParametersT`."""
    return values.astype(np.float16), schema.TensorType.FLOAT16, None


def _in_8_bits(values, axis, tolerance):
    """As `_in_16_bits`, with a scale for each entry of an axis; None if the relative error is beyond the tolerance."""
    others = tuple(other for other in range(values.ndim) if other != axis)
    scale = np.maximum(np.abs(values).max(axis=others, keepdims=True), 1e-12) / 127
    stored = np.round(values / scale).astype(np.int8)
    if np.linalg.norm(stored * scale - values) > tolerance * np.linalg.norm(values):
        return None
    quantization = schema.QuantizationParametersT()
    quantization.scale = scale.reshape(-1).astype(np.float32)
    quantization.zeroPoint = np.zeros(scale.size, np.int64)
    quantization.quantizedDimension = axis
    return stored, schema.TensorType.INT8, quantization


def _weight_buffers(model):
    """{buffer: `_Place`} of all constants that are read as weights, and as nothing else."""
    places = collections.defaultdict(set)
    for graph in model.subgraphs:
        for index in (*graph.inputs, *graph.outputs):
            places[graph.tensors[index].buffer].add(None)
        for operation in graph.operators:
            place = _WEIGHTS.get(model.operatorCodes[operation.opcodeIndex].builtinCode)
            for position, index in enumerate(operation.inputs):
                if index >= 0:
                    tensor = graph.tensors[index]
                    usable = place and position == place.position and tensor.type == schema.TensorType.FLOAT32
                    places[tensor.buffer].add(place if usable else None)
    return {
        buffer: next(iter(found))
        for buffer, found in places.items()
        if len(found) == 1 and None not in found and _size(model.buffers[buffer]) >= _LEAST
    }


def _size(buffer):
    return 0 if buffer.data is None else len(buffer.data) // 4


def _tensors_of(graph, buffer):
    return [index for index, tensor in enumerate(graph.tensors) if tensor.buffer == buffer]
