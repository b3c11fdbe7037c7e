"""Gradient accumulation: training steps that hold only a part of their batch in memory at a time."""

import tensorflow as tf


class Microbatches:
    """Computes the gradients of a training step one part of the batch at a time, and adds them up.

    The step equals that of the whole batch, except for rounding and other dropout masks: the loss is the mean over the
    words of the batch, the sum of the gradients is clipped, and the optimizer takes one step. Clips are mixed before
    the batch is divided.

    Args:
        rows: int, maximum number of rows of a part, on each replica.

    Attributes:
        loss: `tf.keras.metrics.Mean` of the losses of steps.
    """

    def __init__(self, rows):
        self.rows = rows
        # Keras' own metric would take each part for a batch.
        self.loss = tf.keras.metrics.Mean(name="loss")

    def step(self, model, inputs, targets, weights):
        """Takes a training step.

        Args:
            model: compiled `CaptioningModel`, whose loss averages over positions.
            inputs: see `CaptioningModel`.
            targets: `[batch, (captions,) words]`, or `[batch, (captions,) words, 4]` of `word_mixtures`.
            weights: float32 `[batch, (captions,) words]`.

        Returns:
            dict with the mean loss of the steps of the epoch.
        """
        inputs = model.prepare(inputs, training=True)
        parts = _Parts(weights, self.rows)
        if "share" in inputs:
            inputs = _with_partners(model, inputs, parts)
        variables, optimizer = model.trainable_variables, model.optimizer
        embeddings = _embeddings(model)
        replicas = tf.distribute.get_strategy().num_replicas_in_sync

        def gradients(data):
            part_inputs, *supervision = data
            with tf.GradientTape() as tape:
                part_inputs, part_targets, part_weights = model.without_padding(part_inputs, *supervision)
                logits = model.predict_words(part_inputs, training=True)
                losses = model.loss.call(part_targets, logits) * part_weights
                loss = tf.reduce_mean(losses) * parts.share
                if model.losses:
                    loss += tf.add_n(model.losses) / parts.count
                scaled = loss / replicas
                if isinstance(optimizer, tf.keras.mixed_precision.LossScaleOptimizer):
                    scaled = optimizer.get_scaled_loss(scaled)
            found = tape.gradient(scaled, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            return loss, found

        loss, found = _summed(gradients, parts, (inputs, targets, weights), variables, embeddings)
        if isinstance(optimizer, tf.keras.mixed_precision.LossScaleOptimizer):
            found = optimizer.get_unscaled_gradients(found)
        optimizer.apply_gradients(zip(found, variables))
        self.loss.update_state(loss)
        return {"loss": self.loss.result()}


class _Parts:
    """The division of a batch.

    Attributes:
        count: float32 scalar, number of parts.
        share: float32 scalar, rows of a part divided by those of the batch.
    """

    def __init__(self, weights, rows):
        # Ints if the shape is known, since XLA needs parts of known size.
        total = tf.shape(weights)[0] if weights.shape[0] is None else weights.shape[0]
        self.number = -(-total // rows)
        self._size = -(-total // self.number)
        self._missing = self.number * self._size - total
        self.count = tf.cast(self.number, tf.float32)
        self.share = tf.cast(self._size, tf.float32) / tf.cast(total, tf.float32)

    def divide(self, data):
        """Reshapes a nest of `[batch, ...]` to `[parts, rows, ...]`, filled up with rows of zeros."""

        def divided(tensor):
            tensor = tf.pad(tensor, [[0, self._missing], *[[0, 0]] * (tensor.shape.rank - 1)])
            return tf.reshape(tensor, tf.concat([[self.number, self._size], tf.shape(tensor)[1:]], axis=0))

        return tf.nest.map_structure(divided, data)


def _with_partners(model, inputs, parts):
    """Gives mixed clips the tokens of their partners, which may be in another part."""
    inputs = {name: value for name, value in inputs.items() if name not in ("share", "words")}
    partner = inputs.pop("partner")
    inputs["other"] = tf.gather(inputs["tokens"], partner)
    if "sampled" not in inputs:
        return inputs
    replaced = tf.map_fn(
        lambda part: model.replace_tokens(_filled(part), training=True),
        parts.divide(inputs),
        fn_output_signature=inputs["tokens"].dtype,
        parallel_iterations=1,
    )
    replaced = tf.reshape(replaced, tf.concat([[-1], tf.shape(inputs["tokens"])[1:]], axis=0))
    tokens = tf.ensure_shape(replaced[: tf.shape(inputs["tokens"])[0]], inputs["tokens"].shape)
    del inputs["sampled"], inputs["quantile"]
    return {**inputs, "tokens": tokens, "other": tf.gather(tokens, partner)}


def _filled(inputs):
    """`inputs` of a part, in which rows that fill it up have one frame, as in the input pipeline."""
    return {**inputs, "length": tf.maximum(inputs["length"], 1)}


def _embeddings(model):
    """References of the variables whose gradients are `tf.IndexedSlices`."""
    layers = (layer for layer in model.submodules if isinstance(layer, tf.keras.layers.Embedding))
    return {variable.ref() for layer in layers for variable in layer.trainable_variables}


def _summed(gradients, parts, data, variables, embeddings):
    """Sums of `gradients(part of data) -> (loss, gradients of the variables)` over the parts.

    The gradient of an embedding stays a list of rows, one for each word: TensorFlow clips by the norm of these rows.
    """
    data = parts.divide(data)
    sparse = [variable.ref() in embeddings for variable in variables]

    def body(part, total, dense, rows):
        inputs, *supervision = tf.nest.map_structure(lambda tensor: tensor[part], data)
        loss, found = gradients((_filled(inputs), *supervision))
        added = iter([tf.convert_to_tensor(one) for one, is_sparse in zip(found, sparse) if not is_sparse])
        dense = [one + next(added) for one in dense]
        slices = [_slices(one) for one, is_sparse in zip(found, sparse) if is_sparse]
        rows = [
            (values.write(part, one.values), indices.write(part, tf.cast(one.indices, tf.int32)))
            for (values, indices), one in zip(rows, slices)
        ]
        return part + 1, total + loss, dense, rows

    start = (
        0,
        0.0,
        [tf.zeros(variable.shape, variable.dtype) for variable, is_sparse in zip(variables, sparse) if not is_sparse],
        [
            (_array(variable.dtype, parts.number, variable.shape[1:]), _array(tf.int32, parts.number, []))
            for variable, is_sparse in zip(variables, sparse)
            if is_sparse
        ],
    )
    _, total, dense, rows = tf.while_loop(lambda part, *_: part < parts.number, body, start, parallel_iterations=1)
    dense, rows = iter(dense), iter(rows)
    return total, [
        _joined(next(rows), variable) if is_sparse else next(dense) for variable, is_sparse in zip(variables, sparse)
    ]


def _slices(gradient):
    if isinstance(gradient, tf.IndexedSlices):
        return gradient
    return tf.IndexedSlices(gradient, tf.range(tf.shape(gradient)[0]))


def _array(dtype, size, shape):
    return tf.TensorArray(dtype, size, infer_shape=False, element_shape=[None, *shape])


def _joined(rows, variable):
    values, indices = rows
    return tf.IndexedSlices(values.concat(), indices.concat(), tf.constant(variable.shape.as_list(), tf.int32))
