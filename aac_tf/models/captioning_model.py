"""Encoder and decoder as one Keras model."""

import tensorflow as tf


class CaptioningModel(tf.keras.Model):
    """Captioning model: features of clips and the words so far in, logits of the next words out.

    Args:
        encoder: `Encoder`, such as `SubsampledBiRNN`.
        decoder: `Decoder`, such as `AttentionDecoder`.
        normalization: optional layer applied to the features, such as `tf.keras.layers.Normalization`.
        embedder: optional frozen layer `(features, length) -> (embedding, length)` in front of the encoder, such as
            `YamnetEmbedder`.

    Call arguments:
        inputs: dict of `features` float `[batch, time, bins]`, `length` int `[batch]` and `tokens` int
            `[batch, words]`, or `[batch, captions, words]` for several captions of each clip, which is then encoded
            once.
        training: bool.

    Returns:
        Logits float32 `[batch, words, vocabulary_size]` or `[batch, captions, words, vocabulary_size]`.

    Example:
        >>> import tensorflow as tf
        >>> from aac_tf.decoding import beam_search
        >>> from aac_tf.models import AttentionDecoder, CaptioningModel, SubsampledBiRNN
        >>> model = CaptioningModel(SubsampledBiRNN(units=8, subsampling=2), AttentionDecoder(vocabulary_size=11))
        >>> features, length = tf.random.normal([2, 40, 64]), tf.constant([40, 25])
        >>> model({"features": features, "length": length, "tokens": tf.constant([[1, 5, 6], [1, 8, 2]])}).shape
        TensorShape([2, 3, 11])
        >>> memory = model.decoder.prepare_memory(*model.encode(features, length))
        >>> state = model.decoder.initial_state(memory, max_words=20)
        >>> beam_search(model.decoder.step, state, memory, start_id=1, end_id=2, max_words=20).tokens.shape
        TensorShape([2, 3, 21])
    """

    def __init__(self, encoder, decoder, normalization=None, embedder=None, **kwargs):
        super().__init__(**kwargs)
        self.encoder = encoder
        self.decoder = decoder
        self.normalization = normalization
        self.embedder = embedder

    def encode(self, features, length):
        """Encodes features for inference, with the fastest form of the encoder (`Encoder.infer`).

        Args:
            features: see `call`.
            length: see `call`.

        Returns:
            Encoder steps `[batch, steps, width]` and their number int32 `[batch]`.
        """
        return self.encoder.infer(*self._encoder_inputs(features, length))

    def encode_and_score(self, features, length):
        """`encode` for a model whose embedder also classifies sounds (see `FrozenEncoder.embed_and_score`).

        Args:
            features: see `call`.
            length: see `call`.

        Returns:
            Encoder steps and their number, as from `encode`; scores float32 `[batch, segments, classes]` and the number
            of segments int32 `[batch]`.
        """
        embedding, scores, segments = self.embedder.embed_and_score(self._normalized(features), length)
        return (*self.encoder.infer(embedding, segments), scores, segments)

    def output_length(self, length):
        """Number of encoder steps of `length` (int or int tensor) feature frames."""
        return self.encoder.output_length(length if self.embedder is None else self.embedder.output_length(length))

    def call(self, inputs, training=None):
        tokens = inputs["tokens"]
        features = self._encoder_inputs(inputs["features"], inputs["length"])
        encoded, length = self.encoder(*features, training=training)
        if tokens.shape.rank == 2:
            return self.decoder(tokens, encoded, length, training=training)
        rows = tf.reshape(tokens, [-1, tf.shape(tokens)[2]])
        logits = self.decoder(rows, encoded, length, training=training)
        return tf.reshape(logits, tf.concat([tf.shape(tokens), [self.decoder.vocabulary_size]], 0))

    def _encoder_inputs(self, features, length):
        features = self._normalized(features)
        return (features, length) if self.embedder is None else self.embedder(features, length)

    def _normalized(self, features):
        return features if self.normalization is None else self.normalization(features)

    # AutoGraph would spend 15 s on converting Keras' code and ours, which have no Python control flow to convert.
    @tf.autograph.experimental.do_not_convert
    def train_step(self, data):
        return super().train_step(data)

    @tf.autograph.experimental.do_not_convert
    def test_step(self, data):
        return super().test_step(data)
