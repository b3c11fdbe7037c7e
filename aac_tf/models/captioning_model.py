"""Encoder and decoder as one Keras model."""

import tensorflow as tf

from aac_tf.models.dropout import CheckpointedDropout
from aac_tf.models.mixup import mix_features, mix_words, word_mixtures, word_shares
from aac_tf.models.packing import Packing, caption_lengths
from aac_tf.models.scheduled_sampling import replace_words

_PARTS = ("encoder", "decoder", "normalization", "embedder", "specaugment")


@tf.keras.utils.register_keras_serializable("aac_tf")
class CaptioningModel(tf.keras.Model):
    """Captioning model: features of clips and the words so far in, logits of the next words out.

    Args:
        encoder: `Encoder`, such as `SubsampledBiRNN`.
        decoder: `Decoder`, such as `AttentionDecoder`.
        normalization: optional layer applied to the inputs of the encoder, such as `tf.keras.layers.Normalization`.
        embedder: optional frozen layer `(features, length) -> (embedding, length)` in front of the encoder, such as
            `YamnetEmbedder`.
        label_smoothing: float, see `word_mixtures`. Only the loss of training is smoothed, so losses of validation
            can be compared.
        specaugment: optional object whose method `mask_batch(features, length, masks)` masks the inputs of the encoder
            in training, such as `aac_tf.audio.SpecAugment`. Models are saved as `.keras` with its `get_config`.
        input_dropout: float, dropout rate of the inputs of the encoder.
        embedding_dropout: float, dropout rate of the embeddings of the previous words.

    Attributes:
        self_critical: optional function `(model, inputs, targets, weights) -> (inputs, targets, weights)` that adds
            captions to training batches, such as `aac_tf.training.self_critical.SelfCritical`.
        microbatches: optional `aac_tf.models.microbatches.Microbatches`, which computes training steps in parts.

    Call arguments:
        inputs: dict of `features` float `[batch, time, bins]`, `length` int `[batch]` and `tokens` int
            `[batch, words]`, or `[batch, captions, words]` for several captions of each clip, which is then encoded
            once. With `partner` int `[batch]`, `share` float `[batch]` and `words` int, `[batch]` or `[batch,
            captions]`, clips are mixed as in `aac_tf.models.mixup`. With `sampled` bool and `quantile` float32, like
            `tokens`, tokens are replaced as in `aac_tf.models.scheduled_sampling`. `masks` float32 `[batch, 5]` is for
            `specaugment`. `packing`, a `Packing` of the captions of the batch, leaves out their padding.
        training: bool.

    Returns:
        Logits float32 `[batch, words, vocabulary_size]` or `[batch, captions, words, vocabulary_size]`; with `packing`,
        `[1, positions, vocabulary_size]`.

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

    def __init__(
        self,
        encoder,
        decoder,
        normalization=None,
        embedder=None,
        label_smoothing=0.0,
        specaugment=None,
        input_dropout=0.0,
        embedding_dropout=0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.encoder = encoder
        self.decoder = decoder
        self.normalization = normalization
        self.embedder = embedder
        self.label_smoothing = label_smoothing
        self.specaugment = specaugment
        self.self_critical = None
        self.microbatches = None
        # Without dropout there is no random state, and checkpoints are as those of models without these arguments.
        self._input_dropout = CheckpointedDropout(input_dropout) if input_dropout else None
        self._embedding_dropout = CheckpointedDropout(embedding_dropout) if embedding_dropout else None
        self._bins = None

    def encode(self, features, length):
        """Encodes features for inference, with the fastest form of the encoder (`Encoder.infer`).

        Args:
            features: see `call`.
            length: see `call`.

        Returns:
            Encoder steps `[batch, steps, width]` and their number int32 `[batch]`.
        """
        return self.encoder.infer(*self._encoder_inputs(features, length))

    def encode_embedded(self, embedding, length):
        """Encodes what `embed_and_score` returns, or a part of it.

        Args:
            embedding: float32 `[batch, segments, width]`.
            length: int32 `[batch]`, segments of each clip.

        Returns:
            Encoder steps and their number, as from `encode`.
        """
        if self.embedder is not None:
            embedding = self._normalized(embedding)
        return self.encoder.infer(embedding, length)

    def embed_and_score(self, features, length):
        """Computes the embeddings, and the scores of the embedder's classifier if it has one.

        Args:
            features: see `call`.
            length: see `call`.

        Returns:
            Embeddings, float32 `[batch, segments, width]`, which `encode_embedded` takes, or without an embedder the
            normalized features; scores float32 `[batch, segments, classes]`, with 0 classes if there is no classifier;
            the number of segments int32 `[batch]`.
        """
        scores = None
        if self.embedder is None:
            embedding = self._normalized(features)
        elif getattr(self.embedder, "class_names", ()):
            embedding, scores, length = self.embedder.embed_and_score(features, length)
        else:
            embedding, length = self.embedder(features, length)
        embedding = tf.cast(embedding, tf.float32)
        return embedding, embedding[..., :0] if scores is None else scores, length

    def embedded_width(self, bins):
        """Width of the embeddings that `embed_and_score` computes of features of width `bins`."""
        return bins if self.embedder is None else self.embedder.width

    @property
    def members(self):
        """The models that caption together: this one alone. An ensemble has several."""
        return (self,)

    @property
    def encoded_spec(self):
        """`tf.TensorSpec` of the encoder steps that `encode` returns, and of their number."""
        steps = tf.TensorSpec([None, None, self.encoder.output_width], self.encoder.compute_dtype)
        return [steps, tf.TensorSpec([None], tf.int32)]

    def find(self, search, rules, encoded, length, max_words):
        """Searches for captions.

        Args:
            search: `Search`.
            rules: `Rules`.
            encoded: encoder steps, as from `encode`.
            length: their number, as from `encode`.
            max_words: int, maximum number of words that the decoder was trained for.

        Returns:
            `Hypotheses`.
        """
        memory = self.decoder.prepare_memory(encoded, length)
        return search(self.decoder.step, self.decoder.initial_state(memory, max_words), memory, rules)

    def output_length(self, length):
        """Number of encoder steps of `length` (int or int tensor) feature frames."""
        return self.encoder.output_length(length if self.embedder is None else self.embedder.output_length(length))

    def call(self, inputs, training=None):
        return self.predict_words(self.prepare(inputs, training), training)

    def prepare(self, inputs, training=None):
        """The part of a call that concerns several rows of a batch or has no weights.

        Args:
            inputs: see `call`.
            training: see `call`.

        Returns:
            dict, `inputs` with the features and lengths that the encoder takes and, for mixed clips, `shares` of the
            own and the other word at each position.
        """
        self._bins = inputs["features"].shape[-1]
        features, length = self._encoder_inputs(inputs["features"], inputs["length"])
        if "masks" in inputs:
            features = self.specaugment.mask_batch(features, length, inputs["masks"])
        if self._input_dropout is not None:
            features = self._input_dropout(features, training=training)
        if "share" not in inputs:
            return {**inputs, "features": features, "length": length}
        mixture = inputs["partner"], inputs["share"]
        features, length = mix_features(features, length, *mixture)
        shares = word_shares(inputs["words"], tf.shape(inputs["tokens"])[-1], *mixture, self.decoder.compute_dtype)
        return {**inputs, "features": features, "length": length, "shares": shares}

    def predict_words(self, inputs, training=None):
        """The part of a call after `prepare`.

        Args:
            inputs: result of `prepare`. For mixed clips, `other` like `tokens` are the tokens of the partners, by
                default those of the rows `partner`.
            training: see `call`.

        Returns:
            Logits, see `call`.
        """
        encoded, length = self.encoder(inputs["features"], inputs["length"], training=training)
        tokens = self._replaced(inputs, encoded, length)
        if "packing" in inputs:
            return tf.expand_dims(self._decode_packed(tokens, inputs, encoded, length, training), axis=0)
        return self._decode(tokens, inputs, encoded, length, training)

    def replace_tokens(self, inputs, training=None):
        """The tokens of `inputs`, as for `predict_words`, after scheduled sampling."""
        return self._replaced(inputs, *self.encoder(inputs["features"], inputs["length"], training=training))

    def _replaced(self, inputs, encoded, length):
        tokens = inputs["tokens"]
        if "sampled" not in inputs or not self.decoder.uses_tokens:
            return tokens
        # As in captioning, without dropout.
        logits = tf.stop_gradient(self._decode(tokens, inputs, encoded, length, training=False))
        return replace_words(tokens, logits, inputs["sampled"], inputs["quantile"])

    def _words(self, tokens, inputs, training, pack=tf.identity):
        """`tokens`, or their embeddings if these are mixed or dropped; `pack` takes what has the shape of tokens."""
        is_dropped = training and self._embedding_dropout is not None
        if not self.decoder.uses_tokens or not ("shares" in inputs or is_dropped):
            return pack(tokens)

        def embed(tokens):
            words = self.decoder.embed(pack(tokens))
            return self._embedding_dropout(words, training=training) if is_dropped else words

        if "shares" not in inputs:
            return embed(tokens)
        other = inputs["other"] if "other" in inputs else tf.gather(tokens, inputs["partner"])
        return mix_words(embed(tokens), embed(other), [pack(share) for share in inputs["shares"]])

    def _decode_packed(self, tokens, inputs, encoded, length, training):
        """Logits `[positions, vocabulary_size]` of the words after `tokens`."""
        packing = inputs["packing"]
        words = self._words(tokens, inputs, training, lambda tensor: _pack(packing, tensor))
        return self.decoder.packed(words, packing, encoded, length, training=training)

    def _decode(self, tokens, inputs, encoded, length, training):
        """Logits of the words after `tokens`, whose embeddings are mixed and dropped as configured."""
        words = self._words(tokens, inputs, training)
        if tokens.shape.rank == 2:
            return self.decoder(words, encoded, length, training=training)
        rows = tf.reshape(words, tf.concat([[-1], tf.shape(words)[2:]], 0))
        logits = self.decoder(tf.ensure_shape(rows, [None, *words.shape[2:]]), encoded, length, training=training)
        return tf.reshape(logits, tf.concat([tf.shape(tokens), [self.decoder.vocabulary_size]], 0))

    def _encoder_inputs(self, features, length):
        if self.embedder is not None:
            features, length = self.embedder(features, length)
        return self._normalized(features), length

    def _normalized(self, features):
        return features if self.normalization is None else self.normalization(features)

    # AutoGraph would spend 15 s on converting Keras' code and ours, which have no Python control flow to convert.
    @tf.autograph.experimental.do_not_convert
    def train_step(self, data):
        inputs, targets, weights = tf.keras.utils.unpack_x_y_sample_weight(data)
        if self.label_smoothing or "share" in inputs:
            targets, weights = word_mixtures(
                targets, weights, self.label_smoothing, inputs.get("partner"), inputs.get("share")
            )
        if self.self_critical is not None:
            inputs, targets, weights = self.self_critical(self, inputs, targets, weights)
        if not self.built:
            self(inputs)  # creates the weights
        if self.microbatches is not None:
            return self.microbatches.step(self, inputs, targets, weights)
        return super().train_step(self.without_padding(inputs, targets, weights))

    def reset_metrics(self):
        super().reset_metrics()
        if self.microbatches is not None:
            self.microbatches.loss.reset_state()

    def without_padding(self, inputs, targets, weights):
        """Packs the data of a training step where possible; the mean loss over positions stays the same."""
        # Only word weights show where padding is. Its amount varies, while XLA needs fixed shapes.
        weighted = weights is not None and weights.shape.rank == inputs["tokens"].shape.rank
        if not weighted or self.jit_compile or tf.config.list_logical_devices("TPU"):
            return inputs, targets, weights
        packing = Packing(tf.reshape(caption_lengths(weights), [-1]), tf.shape(weights)[-1])
        scale = tf.size(packing.row) / tf.size(weights)
        packed = tf.where(packing.valid, _pack(packing, weights), 0) * tf.cast(scale, weights.dtype)
        targets = _pack(packing, targets, weights.shape.rank)
        # One row: Keras weights the loss of a batch by its number of rows when it averages over batches and replicas.
        return {**inputs, "packing": packing}, targets[tf.newaxis], packed[tf.newaxis]

    @tf.autograph.experimental.do_not_convert
    def test_step(self, data):
        return super().test_step(data)

    def get_config(self):
        parts = {name: tf.keras.saving.serialize_keras_object(getattr(self, name)) for name in _PARTS}
        dropouts = {"input_dropout": self._input_dropout, "embedding_dropout": self._embedding_dropout}
        rates = {name: layer.rate if layer else 0.0 for name, layer in dropouts.items()}
        return {"name": self.name, **parts, "label_smoothing": self.label_smoothing, **rates}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        parts = {name: _deserialize(config[name], custom_objects) for name in _PARTS}
        return cls(**{**config, **parts})

    def get_build_config(self):
        return {"bins": self._bins}

    def build_from_config(self, config):
        if config["bins"] is not None:
            one = tf.ones([1], tf.int32)
            self({"features": tf.zeros([1, 1, config["bins"]]), "length": one, "tokens": one[tf.newaxis]})


def _deserialize(part, custom_objects):
    if part is None or part["module"] != "keras.layers":
        return tf.keras.saving.deserialize_keras_object(part, custom_objects)
    # Once keras-nlp is imported, Keras would take its layers from another Keras, whose weights it does not load.
    layer = getattr(tf.keras.layers, part["class_name"]).from_config(part["config"])
    if "build_config" in part:
        layer.build_from_config(part["build_config"])
    return layer


def _pack(packing, tensor, rank=None):
    """Packs `[batch, (captions,) words, ...]`, whose first `rank` axes are those up to the words, by default all."""
    axes = tf.shape(tensor)[(tensor.shape.rank if rank is None else rank) - 1 :]
    return packing.pack(tf.reshape(tensor, tf.concat([[-1], axes], axis=0)))
