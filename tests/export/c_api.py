"""Captions WAV files with TensorFlow's C API only, the loader that TF Serving is also built on.

    python c_api.py MODEL FILE...

Prints the outputs `caption`, `log_probs` and `status` as JSON. Imports neither `tensorflow` nor `aac_tf`.
"""

import ctypes
import importlib.util
import json
import pathlib
import sys

FLOAT, STRING = 1, 7
STRING_BYTES = 24  # sizeof(TF_TString)


class Buffer(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("length", ctypes.c_size_t),
        ("deallocator", ctypes.c_void_p),
    ]


class Output(ctypes.Structure):
    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


def load_library():
    """Loads the library of the installed package without importing the package."""
    package = pathlib.Path(importlib.util.find_spec("tensorflow").origin).parent
    ctypes.CDLL(str(package / "libtensorflow_framework.so.2"), mode=ctypes.RTLD_GLOBAL)
    library = ctypes.CDLL(str(package / "libtensorflow_cc.so.2"), mode=ctypes.RTLD_GLOBAL)
    made = ("NewStatus", "NewGraph", "NewSessionOptions", "LoadSessionFromSavedModel", "AllocateTensor")
    for name in (*made, "GraphOperationByName", "TensorData", "StringGetDataPointer"):
        getattr(library, f"TF_{name}").restype = ctypes.c_void_p
    for name in ("TF_TensorByteSize", "TF_StringGetSize"):
        getattr(library, name).restype = ctypes.c_size_t
    library.TF_Message.restype = library.TF_Version.restype = ctypes.c_char_p
    library.TF_Dim.restype = ctypes.c_int64
    return library


def fields(message):
    """Yields (field number, value) of a protocol buffer, values as int or bytes."""
    position = 0

    def varint():
        nonlocal position
        value = shift = 0
        while True:
            byte = message[position]
            position += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while position < len(message):
        key = varint()
        kind = key & 7
        size = {1: 8, 5: 4}.get(kind) or (varint() if kind == 2 else 0)
        yield key >> 3, message[position : position + size] if kind else varint()
        position += size


def entries(message, field):
    """A map field of a protocol buffer, as {str: bytes}."""
    maps = (dict(fields(value)) for number, value in fields(message) if number == field)
    return {entry[1].decode(): entry[2] for entry in maps}


class Model:
    """A SavedModel in a session."""

    def __init__(self, folder):
        self.library = library = load_library()
        self.status = ctypes.c_void_p(library.TF_NewStatus())
        self.graph = ctypes.c_void_p(library.TF_NewGraph())
        library.TF_NewBuffer.restype = ctypes.POINTER(Buffer)
        meta = library.TF_NewBuffer()
        options = ctypes.c_void_p(library.TF_NewSessionOptions())
        tags = (ctypes.c_char_p * 1)(b"serve")
        folder = str(folder).encode()
        session = library.TF_LoadSessionFromSavedModel(options, None, folder, tags, 1, self.graph, meta, self.status)
        self._check()
        self.session = ctypes.c_void_p(session)
        self.signatures = entries(ctypes.string_at(meta.contents.data, meta.contents.length), 5)

    def run(self, signature, strings, outputs):
        """Runs a signature whose only input is a vector of strings; returns a list with the values of each output."""
        library = self.library
        inputs, results = (entries(self.signatures[signature], field) for field in (1, 2))
        (fed,) = inputs.values()
        fetched = (Output * len(outputs))(*(self._tensor(results[name]) for name in outputs))
        values = (ctypes.c_void_p * len(outputs))()
        library.TF_SessionRun(
            self.session,
            None,
            (Output * 1)(self._tensor(fed)),
            (ctypes.c_void_p * 1)(self._strings(strings)),
            1,
            fetched,
            values,
            len(outputs),
            None,
            0,
            None,
            self.status,
        )
        self._check()
        return [self._values(ctypes.c_void_p(value)) for value in values]

    def _check(self):
        if self.library.TF_GetCode(self.status):
            raise RuntimeError(self.library.TF_Message(self.status).decode())

    def _tensor(self, info):
        name, index = dict(fields(info))[1].decode().split(":")
        return Output(self.library.TF_GraphOperationByName(self.graph, name.encode()), int(index))

    def _strings(self, strings):
        size = STRING_BYTES * len(strings)
        shape = (ctypes.c_int64 * 1)(len(strings))
        tensor = self.library.TF_AllocateTensor(STRING, shape, 1, ctypes.c_size_t(size))
        data = self.library.TF_TensorData(ctypes.c_void_p(tensor))
        for index, string in enumerate(strings):
            place = ctypes.c_void_p(data + index * STRING_BYTES)
            self.library.TF_StringInit(place)
            self.library.TF_StringCopy(place, string, ctypes.c_size_t(len(string)))
        return tensor

    def _values(self, tensor):
        data, size = self.library.TF_TensorData(tensor), self.library.TF_TensorByteSize(tensor)
        if self.library.TF_TensorType(tensor) == FLOAT:
            flat = list((ctypes.c_float * (size // 4)).from_address(data))
        else:
            places = [ctypes.c_void_p(data + offset) for offset in range(0, size, STRING_BYTES)]
            flat = [
                ctypes.string_at(
                    self.library.TF_StringGetDataPointer(place), self.library.TF_StringGetSize(place)
                ).decode()
                for place in places
            ]
        if self.library.TF_NumDims(tensor) == 1:
            return flat
        width = self.library.TF_Dim(tensor, 1)
        return [flat[start : start + width] for start in range(0, len(flat), width)]


if __name__ == "__main__":
    model = Model(sys.argv[1])
    sounds = [pathlib.Path(path).read_bytes() for path in sys.argv[2:]]
    names = ["caption", "log_probs", "status"]
    answer = dict(zip(names, model.run("caption_wav", sounds, names)))
    answer["imported"] = sorted({"tensorflow", "aac_tf"} & set(sys.modules))
    print(json.dumps(answer))
