"""Encoder and decoder as one Keras model."""

import tensorflow as tf


class CaptioningModel(tf.keras.Model):
    """A captioner: features of clips and the words so far in, logits of the next words out.

    Args:
        encoder: layer `(features, length) -> (encoded, length)`, such as `SubsampledBiRNN`.
        decoder: `AttentionDecoder` or `FixedVectorDecoder`.
        normalization: optional layer applied to the features, such as `tf.keras.layers.Normalization`.

    Call arguments:
        inputs: dict of `features` float `[batch, time, bins]`, `length` int `[batch]`, and `tokens` int
            `[batch, words]`, or `[batch, captions, words]` to decode several captions of each clip, which is then
            encoded once.
        training: bool.

    Returns:
        Logits float32 of the shape of `tokens` and, last, the vocabulary.
    """

    def __init__(self, encoder, decoder, normalization=None, **kwargs):
        super().__init__(**kwargs)
        self.encoder = encoder
        self.decoder = decoder
        self.normalization = normalization

    def encode(self, features, length, training=None):
        """Encoder steps `[batch, steps, width]` and their number `[batch]`, of features as `call` takes them."""
        if self.normalization is not None:
            features = self.normalization(features)
        return self.encoder(features, length, training=training)

    def call(self, inputs, training=None):
        tokens = inputs["tokens"]
        encoded, length = self.encode(inputs["features"], inputs["length"], training=training)
        if tokens.shape.rank == 2:
            return self.decoder(tokens, encoded, length, training=training)
        shape = tf.shape(tokens)
        logits = self.decoder(
            tf.reshape(tokens, [shape[0] * shape[1], shape[2]]),
            tf.repeat(encoded, shape[1], axis=0),
            tf.repeat(length, shape[1]),
            training=training,
        )
        return tf.reshape(logits, [shape[0], shape[1], shape[2], self.decoder.vocabulary_size])
