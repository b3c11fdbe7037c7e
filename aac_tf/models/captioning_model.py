"""Encoder and decoder as one Keras model."""

import tensorflow as tf

from aac_tf.models.recurrent_loop import encode_in_loops


class CaptioningModel(tf.keras.Model):
    """A captioner: features of clips and the words so far in, logits of the next words out.

    Args:
        encoder: layer `(features, length) -> (encoded, length)`, such as `SubsampledBiRNN`.
        decoder: `AttentionDecoder` or `FixedVectorDecoder`.
        normalization: optional layer applied to the features, such as `tf.keras.layers.Normalization`.
        embedder: optional frozen layer `(features, length) -> (embedding, length)` before the encoder, such as
            `YamnetEmbedder`.

    Call arguments:
        inputs: dict of `features` float `[batch, time, bins]`, `length` int `[batch]`, and `tokens` int
            `[batch, words]`, or `[batch, captions, words]` to decode several captions of each clip, which is then
            encoded once.
        training: bool.

    Returns:
        Logits float32 of the shape of `tokens` and, last, the vocabulary.
    """

    def __init__(self, encoder, decoder, normalization=None, embedder=None, **kwargs):
        super().__init__(**kwargs)
        self.encoder = encoder
        self.decoder = decoder
        self.normalization = normalization
        self.embedder = embedder

    def encode(self, features, length, training=None, in_loops=False):
        """From features to what a decoder takes.

        Args:
            features: see `call`.
            length: see `call`.
            training: see `call`.
            in_loops: bool, whether to compute the encoder as a processor does best (`encode_in_loops`); not to train.

        Returns:
            Encoder steps `[batch, steps, width]` and their number int32 `[batch]`.
        """
        if self.normalization is not None:
            features = self.normalization(features)
        if self.embedder is not None:
            features, length = self.embedder(features, length)
        if in_loops:
            return encode_in_loops(self.encoder, features, length)
        return self.encoder(features, length, training=training)

    def output_length(self, length):
        """Encoder steps of `length` (int or int tensor) feature frames."""
        return self.encoder.output_length(length if self.embedder is None else self.embedder.output_length(length))

    def call(self, inputs, training=None):
        tokens = inputs["tokens"]
        encoded, length = self.encode(inputs["features"], inputs["length"], training=training)
        if tokens.shape.rank == 2:
            return self.decoder(tokens, encoded, length, training=training)
        rows = tf.reshape(tokens, [-1, tf.shape(tokens)[2]])
        logits = self.decoder(rows, encoded, length, training=training)
        return tf.reshape(logits, tf.concat([tf.shape(tokens), [self.decoder.vocabulary_size]], 0))

    # AutoGraph would spend some 15 s on rewriting Keras' and our own code, which has no Python control flow to rewrite.
    @tf.autograph.experimental.do_not_convert
    def train_step(self, data):
        return super().train_step(data)

    @tf.autograph.experimental.do_not_convert
    def test_step(self, data):
        return super().test_step(data)
