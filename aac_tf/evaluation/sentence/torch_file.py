"""Reads the tensors of a PyTorch checkpoint without PyTorch, and without executing code from the file.

A checkpoint is a pickle, which can call any function by name. Here the names of tensors, storages and ordered
dictionaries are known, and any other is refused.
"""

from __future__ import annotations

import collections
import io
import math
import os
import pickle
import struct
import zipfile

import numpy as np

from aac_tf.errors import AacError

_STORAGES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "|i1",
    "ByteStorage": "|u1",
    "BoolStorage": "|b1",
}
_MAGIC = 0x1950A86A20F9469CFC6C  # first pickle of a file by PyTorch before 1.6
_MAX_PICKLE = 64 << 20  # bytes; it holds names and shapes, no values
_DEPTH = 20
# What reading a damaged file raises.
_DAMAGE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
    struct.error,
    zipfile.BadZipFile,
)


class TorchFileError(AacError, ValueError):
    """A file is not a PyTorch checkpoint, is damaged, or contains more than tensors."""


def read_torch_file(path):
    """Reads what `torch.save` wrote.

    Args:
        path: path of the file, in the zip format of PyTorch 1.6 and later or in the format before it.

    Returns:
        The saved object, with NumPy arrays in place of tensors: dicts, lists, tuples, numbers, strings. Values of
        type bfloat16 become float32.

    Raises:
        TorchFileError: if the file is damaged, or would call anything other than the constructors of tensors,
            storages and ordered dictionaries.
        OSError: if it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            read = _read_zip if zipfile.is_zipfile(file) else _read_legacy
            file.seek(0)
            return read(file)
    except TorchFileError as error:
        raise TorchFileError(f"{path}: {error}") from error
    except _DAMAGE as error:
        raise TorchFileError(f"{path} is not a PyTorch checkpoint, or is damaged: {error!r}") from error


class _Storage:
    """A block of numbers, read after the pickle."""

    __slots__ = ("count", "dtype", "values")

    def __init__(self, dtype, count):
        self.dtype, self.count, self.values = dtype, count, None

    def __setstate__(self, state):
        raise TorchFileError("the file changes a storage")

    @property
    def bytes(self):
        return self.count * (2 if self.dtype == "bfloat16" else np.dtype(self.dtype).itemsize)

    def fill(self, data):
        if len(data) != self.bytes:
            raise TorchFileError(f"a storage of {self.bytes} bytes has {len(data)}")
        if self.dtype == "bfloat16":  # the upper half of a float32
            self.values = (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
        else:
            self.values = np.frombuffer(data, self.dtype)


class _Tensor:
    """A view of a storage; an array once the storage has been read."""

    __slots__ = ("offset", "shape", "storage", "strides")

    def __init__(self, storage, offset, shape, strides):
        self.storage, self.offset, self.shape, self.strides = storage, offset, tuple(shape), tuple(strides)

    def __setstate__(self, state):
        raise TorchFileError("the file changes a tensor")

    def array(self):
        if not isinstance(self.storage, _Storage) or self.storage.values is None:
            raise TorchFileError("a tensor has no storage")
        values, counts = self.storage.values, (self.offset, *self.shape, *self.strides)
        if any(type(count) is not int or count < 0 for count in counts) or len(self.shape) != len(self.strides):
            raise TorchFileError(f"a tensor is damaged: {str(counts)[:100]}")
        # Before any memory is taken, and because as_strided reads wherever it is told to.
        last = self.offset + sum((size - 1) * stride for size, stride in zip(self.shape, self.strides))
        if math.prod(self.shape) > len(values) or (0 not in self.shape and last >= len(values)):
            raise TorchFileError(f"a tensor of shape {list(self.shape)} is larger than its storage")
        if 0 in self.shape:
            return np.zeros(self.shape, values.dtype)
        strides = [stride * values.itemsize for stride in self.strides]
        return np.ascontiguousarray(np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, strides))


class _Unpickler(pickle.Unpickler):
    """An unpickler that makes dictionaries, lists, numbers, strings and tensors, and nothing else."""

    def __init__(self, file):
        super().__init__(file, encoding="utf-8")
        self.storages = {}

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self._rebuild_tensor  # a bound method, whose attributes the file cannot change
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise TorchFileError(f"the file calls {module}.{name}, which is refused: it may contain only tensors")

    def persistent_load(self, pid):
        kind, dtype, key, _, count, *_ = pid
        if kind != "storage" or dtype not in _STORAGES.values() or type(count) is not int or count < 0:
            raise TorchFileError(f"the file refers to {str(kind)[:40]!r}, expected a storage")
        return self.storages.setdefault(str(key), _Storage(dtype, count))

    def _rebuild_tensor(self, storage, offset, shape, strides, *_):
        return _Tensor(storage, offset, shape, strides)


def _read_zip(file):
    with zipfile.ZipFile(file) as archive:
        members = {info.filename.partition("/")[2]: info for info in archive.infolist()}

        def read(name, size=_MAX_PICKLE):
            info = members[name]
            # PyTorch does not compress; so no member is larger than the file.
            if info.compress_type != zipfile.ZIP_STORED or info.file_size > size:
                raise TorchFileError(f"{info.filename} is compressed or has more than {size} bytes")
            return archive.read(info)

        if "data.pkl" not in members:
            raise TorchFileError("expected data.pkl in the zip file, as torch.save writes it")
        if "byteorder" in members and read("byteorder").strip() != b"little":
            raise TorchFileError("expected numbers in little-endian order")
        unpickler = _Unpickler(io.BytesIO(read("data.pkl")))
        content = unpickler.load()
        for key, storage in unpickler.storages.items():
            storage.fill(read(f"data/{key}", storage.bytes))
    return _arrays(content)


def _read_legacy(file):
    if _Unpickler(file).load() != _MAGIC:
        raise TorchFileError("expected a checkpoint by torch.save")
    version, system = _Unpickler(file).load(), _Unpickler(file).load()
    if version != 1001 or not system["little_endian"]:
        raise TorchFileError(f"expected version 1001 and little-endian numbers, got version {version}")
    unpickler = _Unpickler(file)
    content, keys = unpickler.load(), _Unpickler(file).load()
    for key in keys:
        storage = unpickler.storages[key]
        (count,) = struct.unpack("<q", file.read(8))
        if count != storage.count or storage.bytes > os.fstat(file.fileno()).st_size:
            raise TorchFileError(f"a storage of {storage.count} numbers has {count}")
        storage.fill(file.read(storage.bytes))
    return _arrays(content)


def _arrays(content, depth=0):
    """The content with arrays in place of tensors."""
    if depth > _DEPTH:
        raise TorchFileError("the file is nested too deeply")
    if isinstance(content, _Tensor):
        return content.array()
    if isinstance(content, dict):
        return {name: _arrays(value, depth + 1) for name, value in content.items()}
    if isinstance(content, (list, tuple)):
        return type(content)(_arrays(value, depth + 1) for value in content)
    return content
