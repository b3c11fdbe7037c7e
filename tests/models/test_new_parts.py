"""A new encoder and a new decoder need one class each to be tested, to caption and to be converted to LiteRT."""

import numpy as np
import pytest
import tensorflow as tf
from contracts.decoder import check_decoder
from contracts.encoder import check_encoder
from models.new_parts import SelfAttentionDecoder, StridedConv1D

from aac_tf.audio import DCASE2020
from aac_tf.config import load_config
from aac_tf.decoding import beam_search
from aac_tf.embeddings import FrozenEncoder
from aac_tf.export.lite import convert
from aac_tf.inference.captioner import Captioner
from aac_tf.models import AttentionDecoder, CaptioningModel, SubsampledBiRNN
from aac_tf.text import WordTokenizer

START, END = 1, 2
WORDS = ["a", "dog", "cat", "bell", "barks", "meows", "rings"]


def test_contract_of_the_encoder():
    features = tf.random.stateless_normal([4, 19, 5], [1, 2])
    check_encoder(StridedConv1D(units=6, stride=3), features, expected_num_trainable_weights=2)


def test_contract_of_the_decoder():
    check_decoder(SelfAttentionDecoder(11, units=6), 8, expected_num_trainable_weights=15)


@pytest.mark.parametrize(
    ("encoder", "decoder"),
    [
        (StridedConv1D(), AttentionDecoder(11, units=6, embedding=4, attention_units=5)),
        (SubsampledBiRNN(4, layers=1), SelfAttentionDecoder(11)),
    ],
    ids=["new encoder", "new decoder"],
)
def test_they_learn_to_caption(encoder, decoder):
    """After training on three clips, beam search finds the caption of each."""
    tf.keras.utils.set_random_seed(1)
    model = CaptioningModel(encoder, decoder)
    captions = np.array([[5, 6, 7, END], [8, 6, END, END], [9, END, END, END]])
    features, length = tf.random.stateless_normal([3, 12, 5], [1, 2]), tf.constant([12, 9, 4])
    inputs = {"features": features, "length": length, "tokens": np.pad(captions[:, :-1], [[0, 0], [1, 0]])}
    inputs["tokens"][:, 0] = START
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=tf.keras.optimizers.Adam(0.05), loss=loss)
    data = tf.data.Dataset.from_tensors((inputs, captions)).repeat(80)
    model.fit(data, epochs=1, verbose=0)

    memory = decoder.prepare_memory(*model.encode(features, length))
    state = decoder.initial_state(memory, max_words=3)
    found = beam_search(decoder.step, state, memory, START, END, beam_size=3, max_words=3)
    np.testing.assert_array_equal(found.tokens[:, 0], captions)


class PairMeans(FrozenEncoder):
    """Means over two frames of a DCASE2020 spectrogram."""

    spec, width, checksum = DCASE2020, 64, "pair means"
    segment_times = (0.5 * DCASE2020.frame_times[1], 2 * DCASE2020.frame_times[1])

    def output_length(self, frames):
        return (frames + 1) // 2

    def call(self, spectrogram, length=None):
        batch, frames = tf.shape(spectrogram)[0], tf.shape(spectrogram)[1]
        length = tf.fill([batch], frames) if length is None else length
        spectrogram = tf.where(tf.sequence_mask(length, frames)[..., tf.newaxis], spectrogram, 0.0)
        spectrogram = tf.pad(spectrogram, [[0, 0], [0, frames % 2], [0, 0]])
        return tf.reduce_mean(tf.reshape(spectrogram, [batch, -1, 2, 64]), axis=2), self.output_length(length)


@pytest.mark.parametrize("frozen", [None, PairMeans()], ids=["no frozen encoder", "new frozen encoder"])
def test_new_encoders_convert_to_litert(frozen):
    tf.keras.utils.set_random_seed(1)
    tokenizer = WordTokenizer(["<PAD>", "<START>", "<END>", "<UNK>", *WORDS], max_words=8)
    decoder = AttentionDecoder(tokenizer.vocabulary_size(), units=6, embedding=4, attention_units=5)
    model = CaptioningModel(StridedConv1D(), decoder, embedder=frozen)
    model({"features": tf.zeros([1, 1, 64]), "length": tf.constant([1]), "tokens": tf.zeros([1, 1], tf.int32)})
    for weight in model.trainable_weights:
        # The words of an untrained model are almost equally likely: rounding would choose among them.
        weight.assign(weight * 4.0)
    captioner = Captioner(model, tokenizer, load_config())
    interpreter = tf.lite.Interpreter(model_content=convert(captioner, quantize=False))
    run = interpreter.get_signature_runner("serving_default")
    texts = set()
    # Not from seed 0: scaling the sound of seed 3 by 1 + 2e-7 moves its log-probability by 1e-3, as rounding would.
    for seed, samples in enumerate([2300, 3000, 44100, 44100, 130000], start=10):
        sound = 0.1 * np.random.default_rng(seed).normal(size=samples).astype(np.float32)
        (expected,) = captioner.caption([sound], beam_size=1)
        found = run(waveform=sound)
        assert tokenizer.detokenize(found["tokens"]).numpy().decode() == expected.text
        assert found["log_prob"] == pytest.approx(expected.log_prob, abs=1e-3)
        texts.add(expected.text)
    assert len(texts) > 1, "the captions should depend on the sound"
