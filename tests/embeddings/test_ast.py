import json
import logging
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from contracts.frozen_encoder import check_frozen_encoder
from layer_checks import check_layer
from transformers import ASTConfig

from aac_tf.audio import AST, YAMNET, spectrogram
from aac_tf.embeddings import AstEmbedder, EmbeddingError, TFASTModel
from aac_tf.embeddings.ast import source as ast_source
from aac_tf.embeddings.ast.features import normalize
from aac_tf.embeddings.windows import count_windows

SOURCE = pathlib.Path(__file__).parent / "fixtures" / "ast" / "audioset"


def noise(samples, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype("f4")


def frames_of(waveforms, spec=AST):
    """Spectrograms, padded with values other than silence, and their lengths."""
    lengths = [spec.output_length(len(waveform)) for waveform in waveforms]
    batch = np.full([len(waveforms), max(lengths), 128], 3.0, "f4")
    for row, waveform, length in zip(batch, waveforms, lengths):
        row[:length] = spectrogram(waveform, spec)
    return tf.constant(batch), tf.constant(lengths)


@pytest.fixture(scope="module")
def embedder():
    return AstEmbedder(SOURCE)


@pytest.mark.parametrize("options", [{}, {"window_seconds": 0.33, "batch_windows": 3}], ids=["default", "short"])
def test_contract(options):
    others = [AstEmbedder(SOURCE, window_seconds=0.5), AstEmbedder(SOURCE, **{**options, "precision": "bfloat16"})]
    check_frozen_encoder(AstEmbedder(SOURCE, **options), others)


# The last has so many tokens that attention is computed head by head.
@pytest.mark.parametrize(("seconds", "frames"), [(0.96, 96), (2.0, 200), (10.24, 1024)])
def test_embeddings_are_the_cls_outputs_of_the_model(seconds, frames):
    embedder = AstEmbedder(SOURCE, window_seconds=seconds)
    assert (embedder.spec.segment_length, embedder.spec.segment_hop) == (frames, frames // 2)
    spectrograms, length = frames_of([noise(8000 * seconds.__ceil__() + 20000), noise(20000)], embedder.spec)
    found, segments = embedder(spectrograms, length)
    model, silence = TFASTModel.from_pretrained(SOURCE).resize_time(frames), embedder.spec.silence
    for row, count in enumerate(segments):
        clip = spectrograms[row, : length[row]]
        windows = tf.signal.frame(clip, frames, frames // 2, pad_end=True, pad_value=silence, axis=0)[:count]
        expected = model(normalize(windows)).last_hidden_state[:, 0]
        np.testing.assert_allclose(found[row, :count], expected, rtol=0, atol=1e-5)


def test_segments_agree_with_yamnet():
    for samples in (100, 16000, 240000):
        assert count_windows(AST.output_length(samples), AST) == count_windows(YAMNET.output_length(samples), YAMNET)


def test_statistics_of_the_source(embedder, tmp_path):
    shutil.copytree(SOURCE, tmp_path / "other")
    (tmp_path / "other" / "preprocessor_config.json").write_text('{"mean": -6.8, "std": 5.5}')
    other = AstEmbedder(tmp_path / "other")
    spectrograms, length = frames_of([noise(20000)])
    same = other((spectrograms + 4.2677393) / 4.5689974 * 5.5 - 6.8, length)[0]
    np.testing.assert_allclose(same[:, 0], embedder(spectrograms, length)[0][:, 0], rtol=0, atol=1e-5)
    assert other.checksum != embedder.checksum


@pytest.mark.parametrize("batch_windows", [1, 4, None])
def test_batch_windows_has_no_effect_on_embeddings(embedder, batch_windows):
    frames, length = frames_of([noise(40000), noise(50000)])
    other = AstEmbedder(SOURCE, batch_windows=batch_windows)
    for found, expected in zip(other(frames, length), embedder(frames, length)):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_as_a_layer():
    frames, length = frames_of([noise(24000), noise(100)])
    check_layer(
        AstEmbedder(os.fspath(SOURCE), batch_windows=2),
        lambda layer: layer(frames, length),
        expected_output_shape=((2, 3, 16), (2,)),
        expected_output_dtype="float32",
    )


def test_bfloat16_is_close(embedder):
    frames, length = frames_of([noise(60000)])
    rough, exact = AstEmbedder(SOURCE, precision="bfloat16")(frames, length)[0], embedder(frames, length)[0]
    assert rough.dtype == tf.float32
    assert tf.reduce_min(-tf.keras.losses.cosine_similarity(rough, exact)) > 0.999
    assert np.abs(rough - exact).max() > 1e-4  # it was indeed computed in bfloat16


def test_checksum_depends_on_weights_spectrogram_and_precision(embedder, tmp_path):
    shutil.copytree(SOURCE, tmp_path / "copy")
    assert AstEmbedder(tmp_path / "copy", batch_windows=1).checksum == embedder.checksum
    model = TFASTModel.from_pretrained(SOURCE)
    model.weights[5].assign_add(tf.fill(model.weights[5].shape, 1e-6))
    model.save_pretrained(tmp_path / "changed")
    others = [
        AstEmbedder(tmp_path / "changed"),
        AstEmbedder(SOURCE, window_seconds=2.0),
        AstEmbedder(SOURCE, precision="bfloat16"),
    ]
    assert len({embedder.checksum, *(other.checksum for other in others)}) == 4


def test_random_weights_come_with_a_warning(monkeypatch, caplog):
    config = ASTConfig.from_pretrained(SOURCE)
    monkeypatch.setattr(ast_source, "ASTConfig", lambda: config)
    with caplog.at_level(logging.WARNING):
        first, second = AstEmbedder("random"), AstEmbedder("random")
    assert "mean nothing" in caplog.text
    assert first.checksum == second.checksum
    frames, length = frames_of([noise(30000)])
    embedding = first(frames, length)[0][0].numpy()
    np.testing.assert_array_equal(embedding, second(frames, length)[0][0])
    assert embedding.std(axis=0).max() > 1e-3  # windows differ


def test_invalid_sources(monkeypatch, tmp_path):
    monkeypatch.setenv("AAC_TF_AST", os.fspath(tmp_path / "nowhere"))
    with pytest.raises(EmbeddingError, match=r"nowhere.*config\.json and model\.safetensors.*AAC_TF_AST"):
        AstEmbedder()
    model = TFASTModel.from_pretrained(SOURCE)
    model.weights[3].assign(tf.fill(model.weights[3].shape, np.nan))
    model.save_pretrained(tmp_path / "nan")
    with pytest.raises(EmbeddingError, match="not finite"):
        AstEmbedder(tmp_path / "nan")
    with pytest.raises(EmbeddingError, match="mel bins"):
        AstEmbedder(SOURCE.parent / "overlapping")
    (tmp_path / "nan" / "config.json").write_text("{")
    with pytest.raises(EmbeddingError):
        AstEmbedder(tmp_path / "nan")


DAMAGED = {
    "config.json": [
        *({"num_attention_heads": value} for value in (0, -1, "two", None, 2.5, True, 3)),
        *({name: 10**9} for name in ("hidden_size", "num_hidden_layers", "intermediate_size", "max_length")),
        {"hidden_size": 4096, "num_hidden_layers": 500},
        {"patch_size": 0},
        {"frequency_stride": 0},
        {"num_mel_bins": 8},
        {"hidden_act": "magic"},
        {"hidden_act": ["gelu"]},
        {"layer_norm_eps": float("nan")},
        {"layer_norm_eps": "small"},
        {"qkv_bias": "yes"},
        {"initializer_range": []},
    ],
    "preprocessor_config.json": [
        *({"mean": value} for value in (float("nan"), float("inf"), "low", None, [])),
        *({"std": value} for value in (0, -1, float("nan"), "high", None, True)),
    ],
}


@pytest.mark.parametrize(
    ("file", "change"), [(file, change) for file, changes in DAMAGED.items() for change in changes]
)
def test_damaged_configs_are_errors(tmp_path, file, change):
    folder = shutil.copytree(SOURCE, tmp_path / "source")
    path = folder / file
    values = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**values, **change}))
    with pytest.raises(EmbeddingError, match=r"cannot load AST from .*source"):
        AstEmbedder(folder)


@pytest.mark.parametrize("file", ["config.json", "preprocessor_config.json", "model.safetensors"])
@pytest.mark.parametrize("content", [b"", b"[1]", b"null", b"\xff\xfe", b"{", b"[" * 100000], ids=range(6))
def test_damaged_files_are_errors(tmp_path, file, content):
    folder = shutil.copytree(SOURCE, tmp_path / "source")
    (folder / file).write_bytes(content)
    with pytest.raises(EmbeddingError, match=r"cannot load AST from .*source"):
        AstEmbedder(folder)


@pytest.mark.parametrize("wrong", [{"batch_windows": 0}, {"window_seconds": 0.1}, {"precision": "float16"}])
def test_invalid_arguments(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        AstEmbedder(SOURCE, **wrong)


def test_saved_model_runs_in_plain_tensorflow(embedder, tmp_path, plain_tensorflow):
    class Service(tf.Module):
        def __init__(self):
            super().__init__()
            self.embedder = embedder

        @tf.function(
            input_signature=[tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([None], tf.int32)], autograph=False
        )
        def embed(self, waveform, samples):
            return self.embedder(spectrogram(waveform, AST, samples), AST.output_length(samples))

    service = Service()
    tf.saved_model.save(service, os.fspath(tmp_path / "model"))
    waveform, samples = noise([2, 30000]), np.array([30000, 16000], "i4")
    embedding, length = service.embed(waveform, samples)
    np.savez(tmp_path / "expected.npz", waveform=waveform, samples=samples, embedding=embedding, length=length)
    program = """
import sys
import numpy as np, tensorflow as tf
model = tf.saved_model.load("model")
expected = np.load("expected.npz")
embedding, length = model.embed(expected["waveform"], expected["samples"])
assert np.abs(embedding - expected["embedding"]).max() < 1e-4
assert (length.numpy() == expected["length"]).all()
assert not {"aac_tf", "transformers", "tensorflow_io"} & set(sys.modules)
"""
    plain_tensorflow(program, folder=tmp_path)


def test_importing_embeddings_does_not_import_transformers():
    program = "import sys, aac_tf.embeddings; assert 'transformers' not in sys.modules"
    root = os.fspath(pathlib.Path(__file__).parents[2])
    path = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, "PYTHONPATH": path})
