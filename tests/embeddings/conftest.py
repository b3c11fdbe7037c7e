"""Stand-ins for the published YAMNet: its file formats, and the waveform model of TF-Hub."""

import os

import numpy as np
import pytest
import tensorflow as tf

from aac_tf.audio import load_audio
from aac_tf.embeddings import YamnetEmbedder

STRIDES = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1]
FILTERS = [64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024]


@pytest.fixture(scope="session")
def folded(tmp_path_factory):
    """An `.npz` of random weights whose activations neither vanish nor explode."""
    rng, weights, channels = np.random.default_rng(3), {}, 32

    def layer(name, shape, inputs):
        weights[f"{name}/kernel"] = rng.normal(0, np.sqrt(2 / inputs), shape).astype("f4")
        weights[f"{name}/bias"] = rng.normal(0, 0.1, shape[2] if shape[3] == 1 else shape[3]).astype("f4")

    layer("l1", (3, 3, 1, 32), 9)
    for number, filters in enumerate(FILTERS, start=2):
        layer(f"l{number}d", (3, 3, channels, 1), 9)
        layer(f"l{number}p", (1, 1, channels, filters), channels)
        channels = filters
    weights["d/kernel"] = rng.normal(0, 0.03, (1024, 521)).astype("f4")
    weights["d/bias"] = np.zeros(521, "f4")
    path = tmp_path_factory.mktemp("random") / "folded.npz"
    np.savez(path, **weights)
    return path


@pytest.fixture(scope="session")
def embedder(folded):
    """An embedder with random weights, which cannot pass the self-test."""
    return YamnetEmbedder(folded, self_test=False)


@pytest.fixture(scope="session")
def yamnet_data(real_data):
    """Folder with YAMNet's real weights and a few sounds."""
    if not (real_data / "yamnet").is_dir():
        pytest.skip(f"{real_data} has no YAMNet")
    return real_data / "yamnet"


@pytest.fixture(scope="session")
def yamnet(yamnet_data):
    """An embedder with YAMNet's real weights."""
    return YamnetEmbedder(yamnet_data / "yamnet_bn_folded.npz")


@pytest.fixture(scope="session")
def sounds(yamnet_data):
    """{name: waveform at 16 kHz} of the sounds in the folder of the weights."""
    return {path.stem: load_audio(path, 16000)[0].numpy() for path in sorted(yamnet_data.glob("*.wav"))}


@pytest.fixture(scope="session")
def published_variables():
    """Function from a folded `.npz` to `tf.Variable`s with their published names and batch normalization."""

    def unfold(path):
        rng, variables = np.random.default_rng(4), {}
        with np.load(path) as weights:
            for name in (key[: -len("/kernel")] for key in weights.files if key.endswith("/kernel")):
                kernel, bias = weights[f"{name}/kernel"].astype("f8"), weights[f"{name}/bias"].astype("f8")
                if name == "d":
                    variables["logits/kernel"], variables["logits/bias"] = kernel, bias
                    continue
                kind = {"d": "depthwise_conv", "p": "pointwise_conv"}.get(name[-1], "conv")
                layer = f"layer{name[1:].rstrip('dp')}/{kind}"
                mean, variance = rng.normal(0, 1, bias.shape), rng.uniform(0.5, 2, bias.shape)
                scale = 1 / np.sqrt(variance + 1e-4)
                variables[f"{layer}/{'depthwise_' if name[-1] == 'd' else ''}kernel"] = kernel / (
                    scale[:, np.newaxis] if name[-1] == "d" else scale
                )
                variables[f"{layer}/bn/beta"] = bias + mean * scale
                variables[f"{layer}/bn/moving_mean"] = mean
                variables[f"{layer}/bn/moving_variance"] = variance
        return {name: tf.Variable(value.astype("f4"), name=name) for name, value in variables.items()}

    return unfold


class WaveformModel(tf.Module):
    """The TF-Hub model: from a waveform to scores, embeddings and spectrogram."""

    def __init__(self, variables):
        super().__init__()
        self.kept = list(variables.values())
        self._named = lambda name: variables[name]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)], autograph=False)
    def __call__(self, waveform):
        samples = tf.shape(waveform)[0]
        beyond = tf.maximum(samples - 15600, 0)
        whole = 15600 + 7680 * tf.cast(tf.math.ceil(tf.cast(beyond, tf.float64) / 7680), tf.int32)
        magnitude = tf.abs(tf.signal.stft(tf.pad(waveform, [[0, whole - samples]]), 400, 160, 512))
        mel = magnitude @ tf.signal.linear_to_mel_weight_matrix(64, 257, 16000, 125.0, 7500.0)
        log_mel = tf.math.log(mel + 0.001)
        hidden = tf.signal.frame(log_mel, 96, 48, axis=0)[..., tf.newaxis]
        hidden = self._normalized(tf.nn.conv2d(hidden, self._named("layer1/conv/kernel"), 2, "SAME"), "layer1/conv")
        for number, stride in enumerate(STRIDES, start=2):
            name = f"layer{number}/depthwise_conv"
            kernel = self._named(f"{name}/depthwise_kernel")
            hidden = tf.nn.depthwise_conv2d(hidden, kernel, [1, stride, stride, 1], "SAME")
            hidden, name = self._normalized(hidden, name), f"layer{number}/pointwise_conv"
            hidden = self._normalized(tf.nn.conv2d(hidden, self._named(f"{name}/kernel"), 1, "SAME"), name)
        embedding = tf.reduce_mean(hidden, [1, 2])
        scores = tf.sigmoid(embedding @ self._named("logits/kernel") + self._named("logits/bias"))
        return scores, embedding, log_mel

    def _normalized(self, hidden, name):
        mean, variance, beta = (self._named(f"{name}/bn/{part}") for part in ("moving_mean", "moving_variance", "beta"))
        return tf.nn.relu(tf.nn.batch_normalization(hidden, mean, variance, beta, None, 1e-4))


@pytest.fixture(scope="session")
def save_hub_model(published_variables, tmp_path_factory):
    """Function that converts a folded `.npz` to a TF-Hub model and returns its folder."""

    def save(path):
        folder = tmp_path_factory.mktemp("hub")
        tf.saved_model.save(WaveformModel(published_variables(path)), os.fspath(folder))
        return folder

    return save


@pytest.fixture(scope="session")
def save_h5(published_variables, tmp_path_factory):
    """Function that converts a folded `.npz` to a file like the published yamnet.h5, as Keras' `save_weights` does."""
    import h5py

    def save(path, leave_out=(), replace=None):
        h5 = tmp_path_factory.mktemp("h5") / "yamnet.h5"
        with h5py.File(h5, "w") as file:
            for name, variable in published_variables(path).items():
                if name not in leave_out:
                    value = (replace or {}).get(name, variable.numpy())
                    file.create_dataset(f"{name.rsplit('/', 1)[0]}/{name}:0", data=value)
        return h5

    return save
