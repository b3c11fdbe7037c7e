import csv
import os

import numpy as np
import pytest
import tensorflow as tf
from contracts.frozen_encoder import check_frozen_encoder
from layer_checks import check_layer

from aac_tf.audio import YAMNET, spectrogram
from aac_tf.embeddings import YamnetEmbedder
from aac_tf.embeddings.fingerprint import difference
from aac_tf.models import CaptioningModel, FixedVectorDecoder, SubsampledBiRNN


def noise(samples, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype("f4")


def frames_of(waveforms):
    """Spectrograms, padded with values other than silence, and their lengths."""
    lengths = [YAMNET.output_length(len(waveform)) for waveform in waveforms]
    batch = np.full([len(waveforms), max(lengths), 64], 3.0, "f4")
    for row, waveform, length in zip(batch, waveforms, lengths):
        row[:length] = spectrogram(waveform, YAMNET)
    return tf.constant(batch), tf.constant(lengths)


def assert_same_outputs(embedder, hub_model, waveforms):
    frames, length = frames_of(waveforms)
    embedding, segments = embedder(frames, length)
    scores, _ = embedder.scores(frames, length)
    for row, waveform in enumerate(waveforms):
        expected_scores, expected, log_mel = hub_model(waveform)
        assert int(segments[row]) == len(expected)
        # The published model computes the transform in float32, with errors up to 3e-4 in the quietest bins.
        np.testing.assert_allclose(frames[row, : len(log_mel)], log_mel, rtol=0, atol=5e-4)
        np.testing.assert_allclose(embedding[row, : len(expected)], expected, rtol=0, atol=1e-4)
        np.testing.assert_allclose(scores[row, : len(expected)], expected_scores, rtol=0, atol=1e-4)


def test_contract(embedder, folded, tmp_path):
    with np.load(folded) as arrays:
        weights = {name: 1.01 * arrays[name] for name in arrays.files}
    np.savez(tmp_path / "other.npz", **weights)
    rough = YamnetEmbedder(folded, self_test=False, precision="bfloat16")
    check_frozen_encoder(embedder, others=[YamnetEmbedder(tmp_path / "other.npz", self_test=False), rough])
    with pytest.raises(ValueError, match="precision must be one of float32, bfloat16, not 'float16'"):
        YamnetEmbedder(folded, precision="float16")


def cosines(first, second):
    return np.sum(first * second, -1) / (np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1))


@pytest.mark.real_data
def test_bfloat16_embeds_real_sounds_alike(yamnet, yamnet_data, sounds):
    rough = YamnetEmbedder(yamnet_data / "yamnet_bn_folded.npz", precision="bfloat16")
    frames = frames_of(list(sounds.values()))
    exact, length = yamnet(*frames)
    valid = np.asarray(tf.sequence_mask(length))
    same = cosines(np.asarray(exact)[valid], np.asarray(rough(*frames)[0])[valid])
    assert same.mean() > 0.999
    assert 1 - 1e-6 > same.min() > 0.99  # it does compute in another precision
    # A run accepts the network in either precision.
    assert difference(yamnet.fingerprint(), rough.fingerprint()) == 0
    assert rough.for_export().precision == "float32"


@pytest.mark.real_data
def test_known_scores_of_a_meow(yamnet, yamnet_data, sounds):
    with open(yamnet_data / "yamnet_class_map.csv", newline="") as file:
        names = [row["display_name"] for row in csv.DictReader(file)]
    # Its known scores are means over 15 windows: the recording and about a second of silence after it.
    waveform = np.pad(sounds["meow_16k"], [0, 8 * 16000 - len(sounds["meow_16k"])])[: 15600 + 14 * 7680]
    scores, segments = yamnet.scores(*frames_of([waveform]))
    assert segments.numpy().tolist() == [15]
    found = dict(zip(names, scores[0].numpy().mean(axis=0)))
    expected = {"Animal": 0.63, "Domestic animals, pets": 0.45, "Cat": 0.37, "Meow": 0.17}
    assert {name: pytest.approx(value, abs=0.01) for name, value in expected.items()} == {
        name: found[name] for name in expected
    }


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("sound", "label"), [("dog_975ms", "Dog"), ("baby_5000ms", "Baby cry, infant cry"), ("jingle_975ms", "Jingle bell")]
)
def test_recognizes_real_sounds(yamnet, yamnet_data, sounds, sound, label):
    with open(yamnet_data / "yamnet_class_map.csv", newline="") as file:
        names = [row["display_name"] for row in csv.DictReader(file)]
    scores = yamnet.scores(*frames_of([sounds[sound]]))[0][0].numpy().mean(axis=0)
    assert label in [names[index] for index in np.argsort(-scores)[:5]]


@pytest.mark.real_data
def test_agrees_with_the_waveform_model_on_real_sounds(yamnet, yamnet_data, sounds, save_hub_model):
    hub_model = tf.saved_model.load(os.fspath(save_hub_model(yamnet_data / "yamnet_bn_folded.npz")))
    assert_same_outputs(yamnet, hub_model, list(sounds.values()))


def test_agrees_with_the_waveform_model_at_every_length(embedder, folded, save_hub_model):
    hub_model = tf.saved_model.load(os.fspath(save_hub_model(folded)))
    # Partial last frames count: up to 240 samples lie after the last whole frame.
    lengths = (1, 400, 15600, 15601, 15680, 15841, 23280, 23281, 30000)
    assert_same_outputs(embedder, hub_model, [noise(samples) for samples in lengths])


def test_length_that_ends_within_a_window(embedder):
    frames, _ = frames_of([noise(40000)])
    together, segments = embedder(frames, [150])
    alone, _ = embedder(frames[:, :150])
    assert segments.numpy().tolist() == [3]
    np.testing.assert_allclose(together[:, :3], alone, rtol=0, atol=1e-5)


def test_as_a_layer(folded):
    frames, length = frames_of([noise(24000), noise(100)])
    check_layer(
        YamnetEmbedder(os.fspath(folded), batch_windows=2, self_test=False),
        lambda layer: layer(frames, length),
        expected_output_shape=((2, 3, 1024), (2,)),
        expected_output_dtype="float32",
    )


def captioner(embedder=None):
    return CaptioningModel(SubsampledBiRNN(4, layers=1), FixedVectorDecoder(11, 4), embedder=embedder)


def test_captioning_models_neither_train_nor_store_it(embedder, tmp_path):
    frames, length = frames_of([noise(24000), noise(16000)])
    inputs = {"features": frames, "length": length, "tokens": tf.zeros([2, 3], tf.int32)}
    model, without = captioner(embedder), captioner()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(inputs) ** 2)
    assert all(gradient is not None for gradient in tape.gradient(loss, model.trainable_weights))
    without({**inputs, "features": tf.zeros([2, 3, 1024]), "length": tf.constant([3, 2])})
    assert model.count_params() == without.count_params()

    stored = tf.train.Checkpoint(model=model).save(os.fspath(tmp_path / "with"))
    plain = tf.train.Checkpoint(model=without).save(os.fspath(tmp_path / "without"))
    assert {key for key, _ in tf.train.list_variables(stored)} == {key for key, _ in tf.train.list_variables(plain)}
    tf.train.Checkpoint(model=model).restore(stored).assert_existing_objects_matched()


def test_saved_model_runs_in_plain_tensorflow(embedder, tmp_path, plain_tensorflow):
    class Service(tf.Module):
        def __init__(self):
            super().__init__()
            self.embedder = embedder

        @tf.function(
            input_signature=[tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([None], tf.int32)], autograph=False
        )
        def embed(self, waveform, samples):
            return self.embedder(spectrogram(waveform, YAMNET, samples), YAMNET.output_length(samples))

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
assert not {"aac_tf", "tensorflow_hub", "tensorflow_io"} & set(sys.modules)
"""
    plain_tensorflow(program, folder=tmp_path)
