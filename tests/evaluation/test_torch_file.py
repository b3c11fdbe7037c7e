"""PyTorch checkpoints are read without PyTorch, and execute nothing."""

import io
import pathlib
import pickle
import struct
import zipfile

import numpy as np
import pytest

from aac_tf.evaluation.sentence.torch_file import TorchFileError, read_torch_file

FIXTURES = pathlib.Path(__file__).parent / "fixtures" / "fense"


def test_all_types_and_layouts_are_read():
    content = read_torch_file(FIXTURES / "types.ckpt")
    assert content["epoch"] == 3
    assert content["names"] == ["a", ("b", None)]
    state, numbers = content["state"], np.arange(12, dtype="float32").reshape(3, 4)
    np.testing.assert_array_equal(state["whole"], numbers)
    np.testing.assert_array_equal(state["column"], numbers[:, 1])
    np.testing.assert_array_equal(state["transposed"], numbers.T)
    assert state["empty"].shape == (0, 3)
    assert state["scalar"] == np.float32(2.5)
    for name in ("float64", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"):
        assert state[name].dtype == name
        np.testing.assert_array_equal(state[name], np.array([0, 1, 3], name))
    np.testing.assert_array_equal(state["bfloat16"], [0, 1, 3])


def test_the_format_before_pytorch_1_6_is_read():
    tiny = read_torch_file(FIXTURES / "echecker_clotho_audiocaps_tiny.ckpt")
    assert (tiny["model_type"], tiny["num_classes"]) == ("prajjwal1/bert-tiny", 6)
    assert tiny["state_dict"]["clf.weight"].shape == (6, 24)
    np.testing.assert_array_equal(tiny["state_dict"]["encoder.embeddings.position_ids"], [np.arange(64)])


class Call:
    """Pickles as a call of a function, or as the call and a change of its result."""

    def __init__(self, *reduced):
        self.reduced = reduced

    def __reduce__(self):
        return self.reduced


class Pickler(pickle._Pickler):
    """Writes what has a `name` as the name of a global, as PyTorch's classes are; refers to `storage` tuples."""

    dispatch = pickle._Pickler.dispatch.copy()

    def persistent_id(self, value):
        return value if isinstance(value, tuple) and value[:1] == ("storage",) else None

    def save_named(self, named):
        self.write(pickle.GLOBAL + f"{named.module}\n{named.name}\n".encode())

    def save(self, value, save_persistent_id=True):
        if isinstance(value, Named):
            self.save_named(value)
        else:
            super().save(value, save_persistent_id)


class Named:
    def __init__(self, module, name):
        self.module, self.name = module, name

    def __call__(self):
        """Reduced objects must be callable."""


FLOATS = Named("torch", "FloatStorage")
REBUILD = Named("torch._utils", "_rebuild_tensor_v2")
NUMBERS = struct.pack("<4f", 1, 2, 3, 4)
STORAGE = ("storage", FLOATS, "0", "cpu", 4)


def tensor(*view, state=None, storage=STORAGE):
    return Call(REBUILD, (storage, *view, False, None), *([state] if state else []))


def write(path, content, data=NUMBERS, compression=zipfile.ZIP_STORED, **members):
    pickled = io.BytesIO()
    Pickler(pickled, 2).dump(content)
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled.getvalue())
        archive.writestr("archive/data/0", data)
        for name, text in members.items():
            archive.writestr(f"archive/{name}", text)
    return path


def test_a_tensor_written_by_hand_is_read(tmp_path):
    found = read_torch_file(write(tmp_path / "x", {"a": tensor(1, (3,), (1,))}))
    np.testing.assert_array_equal(found["a"], [2, 3, 4])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (Call(Named("os", "system"), ("touch {mark}",)), r"calls os\.system, which is refused"),
        (Call(Named("builtins", "eval"), ("open('{mark}', 'w')",)), r"calls builtins\.eval"),
        (Call(Named("torch", "load"), ("x",)), r"calls torch\.load"),
        (Call(Named("aac_tf.evaluation.sentence.torch_file", "_Storage"), ("<f4", 1)), "is refused"),
        (Named("numpy", "ndarray"), r"calls numpy\.ndarray"),
        (tensor(0, (5,), (1,)), "larger than its storage"),
        (tensor(2, (3,), (1,)), "larger than its storage"),
        (tensor(0, (2,), (9,)), "larger than its storage"),
        (tensor(0, (1 << 40, 1 << 40), (0, 0)), "larger than its storage"),
        (tensor(0, (3,), (-1,)), "damaged"),
        (tensor(-1, (3,), (1,)), "damaged"),
        (tensor(0, (2,), (1, 1)), "damaged"),
        (tensor(0, (True,), (1,)), "damaged"),
        (tensor(0, (1,), (1,), state=(None, {"offset": 999})), "changes a tensor"),
        (tensor(0, (1,), (1,), storage="nothing"), "no storage"),
        (tensor(0, (1,), (1,), storage=("storage", FLOATS, "7", "cpu", 4)), "data/7"),
        (tensor(0, (1,), (1,), storage=("storage", FLOATS, "0", "cpu", 1 << 50)), "has 16"),
        (tensor(0, (1,), (1,), storage=("storage", "O", "0", "cpu", 2)), "expected a storage"),
        (Call(REBUILD, (), {"a": 1}), "damaged"),
    ],
)
def test_what_is_no_tensor_is_refused_by_name(tmp_path, content, message):
    mark = tmp_path / "executed"
    if isinstance(content, Call) and isinstance(content.reduced[1][:1], tuple) and "{mark}" in str(content.reduced[1]):
        content = Call(content.reduced[0], (content.reduced[1][0].format(mark=mark),))
    with pytest.raises(TorchFileError, match=message):
        read_torch_file(write(tmp_path / "x", {"a": content}))
    assert not mark.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": b"123"}, "has 3"),
        ({"compression": zipfile.ZIP_DEFLATED}, "compressed"),
        ({"byteorder": "big"}, "little-endian"),
    ],
)
def test_other_archives_are_refused(tmp_path, options, message):
    with pytest.raises(TorchFileError, match=message):
        read_torch_file(write(tmp_path / "x", {"a": tensor(0, (4,), (1,))}, **options))


@pytest.mark.parametrize("name", ["types.ckpt", "echecker_clotho_audiocaps_tiny.ckpt"])
def test_damaged_files_raise_nothing_else(tmp_path, name):
    content, generator = (FIXTURES / name).read_bytes(), np.random.default_rng(0)
    path, refused = tmp_path / "x", 0
    for _ in range(150):
        damaged = bytearray(content[: 3000 if generator.random() < 0.5 else None])
        for place in generator.integers(0, 2000, 3):
            damaged[place] = generator.integers(256)
        path.write_bytes(damaged)
        try:
            read_torch_file(path)
        except TorchFileError:
            refused += 1
    assert refused > 75


def test_text_is_no_checkpoint(tmp_path):
    (tmp_path / "x").write_text("model weights")
    with pytest.raises(TorchFileError, match="is not a PyTorch checkpoint"):
        read_torch_file(tmp_path / "x")
    with pytest.raises(OSError, match="nowhere"):
        read_torch_file(tmp_path / "nowhere")
