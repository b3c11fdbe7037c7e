"""Checks that every layer of the package must pass, after KerasHub's `run_layer_test`."""

import inspect
import json
import tempfile

import numpy as np
import tensorflow as tf


def check_layer(
    layer,
    call,
    expected_output_shape,
    expected_output_dtype=None,
    expected_num_trainable_weights=0,
    expected_num_non_trainable_weights=0,
    expected_num_seed_generators=0,
    build_shape=None,
):
    """Checks that a layer serializes, builds, computes, trains, and runs in bfloat16 and under XLA.

    Args:
        layer: layer that was not called yet. It is built afterwards; its weights are not trained.
        call: function from a layer to its output for some fixed inputs: a tensor or a nest of tensors, the first one
            float and with a batch axis.
        expected_output_shape: shape of the output as a tuple, or a tuple of such tuples for a nest.
        expected_output_dtype: dtype of the first output under any precision policy; None expects the compute dtype.
        expected_num_trainable_weights: int, which all must get a gradient.
        expected_num_non_trainable_weights: int.
        expected_num_seed_generators: int, number of random generators that checkpoints of the layer hold.
        build_shape: shape with which `layer.build` creates all weights; None if only a call can create them.
    """
    # Some initial weights, such as those that leave a ReLU without input, would have no gradient.
    tf.keras.utils.set_random_seed(1)
    _check_serialization(layer)
    counts = {
        "trainable weights": (expected_num_trainable_weights, lambda layer: len(layer.trainable_weights)),
        "non-trainable weights": (expected_num_non_trainable_weights, lambda layer: len(layer.non_trainable_weights)),
        "seed generators": (expected_num_seed_generators, _count_seed_generators),
    }
    if build_shape is not None:
        fresh = _twin(layer)
        fresh.build(build_shape)
        _check_counts(fresh, counts)
    output = call(layer)
    shape = tf.nest.map_structure(lambda tensor: tuple(tensor.shape), output)
    assert shape == expected_output_shape, f"output shape is {shape}, not {expected_output_shape}"
    _check_counts(layer, counts)
    output = _first(output)
    assert np.isfinite(output.numpy().astype(np.float32)).all(), "output is not finite"
    dtype = tf.as_dtype(expected_output_dtype or layer.compute_dtype)
    assert output.dtype == dtype, f"output dtype is {output.dtype.name}, not {dtype.name}"

    twin = _twin(layer)
    call(twin)
    twin.set_weights(layer.get_weights())
    np.testing.assert_allclose(_first(call(twin)), output, rtol=1e-6, err_msg="a copy has another output")
    compiled = tf.function(lambda: _first(call(layer)), jit_compile=True, autograph=False)()
    np.testing.assert_allclose(compiled, output, rtol=1e-4, atol=1e-5, err_msg="another output under XLA")
    _check_half_precision(layer, call, output, expected_output_dtype)
    _check_random_state(twin, call)
    _check_fit(twin, call, output)


def perturb_weights(layer, scale=0.3):
    """Adds noise to a layer's weights: zero biases would hide some mistakes, such as values in the padding."""
    for index, weight in enumerate(layer.trainable_weights):
        weight.assign_add(scale * tf.random.stateless_normal(weight.shape, [index, 3]))


def _check_serialization(layer):
    """Round trips through JSON, every constructor argument an attribute, no attribute that hides one of Keras."""
    kind, config = type(layer), layer.get_config()
    text = json.dumps(config, sort_keys=True)
    copies = [
        kind.from_config(json.loads(text)),
        tf.keras.utils.deserialize_keras_object(json.loads(json.dumps(tf.keras.utils.serialize_keras_object(layer)))),
    ]
    for copy in copies:
        assert type(copy) is kind, f"a copy is a {type(copy).__name__}"
        assert json.dumps(copy.get_config(), sort_keys=True) == text, "a copy has another config"
        assert set(dir(copy)) == set(dir(layer)), "a copy has other attributes"
    named = [
        parameter.name
        for parameter in list(inspect.signature(kind.__init__).parameters.values())[1:]
        if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    ]
    missing = [name for name in named if name not in config or not hasattr(layer, name)]
    assert not missing, f"constructor arguments without an attribute or a value in get_config(): {missing}"
    plain = tf.keras.layers.Layer
    hidden = [name for name in vars(layer) if hasattr(plain, name) and name not in vars(plain())]
    assert not hidden, f"attributes that hide those of Keras' Layer: {hidden}"


def _check_counts(layer, counts):
    assert layer.built, "the layer is not built"
    for name, (expected, count) in counts.items():
        assert count(layer) == expected, f"{count(layer)} {name}, not {expected}"


def _count_seed_generators(layer):
    return sum(isinstance(part, tf.random.Generator) for part in tf.train.TrackableView(layer).descendants())


def _check_half_precision(layer, call, expected, dtype):
    half = type(layer).from_config({**layer.get_config(), "dtype": "mixed_bfloat16"})
    call(half)
    half.set_weights(layer.get_weights())
    output, dtype = _first(call(half)), tf.as_dtype(dtype or tf.bfloat16)
    assert output.dtype == dtype, f"output dtype under mixed_bfloat16 is {output.dtype.name}, not {dtype.name}"
    assert all(weight.dtype == tf.float32 for weight in half.weights), "weights under mixed_bfloat16 are not float32"
    output = tf.cast(output, tf.float32)
    np.testing.assert_allclose(output, expected, rtol=0.1, atol=0.1, err_msg="another output in mixed_bfloat16")


def _check_random_state(layer, call):
    """A restored checkpoint repeats the random numbers of training, as a resumed run must."""
    model, checkpoint = _Model(layer, call), tf.train.Checkpoint(layer=layer)
    with tempfile.TemporaryDirectory() as folder:
        path = checkpoint.write(f"{folder}/state")
        first = model(np.zeros(1), training=True)
        checkpoint.read(path).assert_consumed()
    again = model(np.zeros(1), training=True)
    np.testing.assert_array_equal(again, first, "a restored checkpoint does not repeat random numbers")


def _check_fit(layer, call, output):
    """A step of `fit` has a finite loss and changes every trainable weight."""
    model = _Model(layer, call)
    model.compile(optimizer=tf.keras.optimizers.SGD(0.1), loss="mse", jit_compile=True)
    before = [weight.numpy() for weight in layer.trainable_weights]
    # Random targets: some layers have outputs whose sum no weight changes.
    targets = tf.random.stateless_normal(output.shape, [5, 6])
    rows = len(targets)
    history = model.fit(np.zeros(rows), targets, batch_size=rows, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"]).all(), "the loss of a training step is not finite"
    same = [weight.name for weight, old in zip(layer.trainable_weights, before) if np.array_equal(weight, old)]
    assert not same, f"a training step does not change {same}"


class _Model(tf.keras.Model):
    """A layer on its fixed inputs as a model."""

    def __init__(self, layer, call):
        super().__init__()
        self.layer = layer
        self._call = call

    @tf.autograph.experimental.do_not_convert
    def call(self, inputs, training=None):
        return tf.cast(_first(self._call(self.layer)), tf.float32)

    @tf.autograph.experimental.do_not_convert
    def train_step(self, data):
        return super().train_step(data)


def _twin(layer):
    return type(layer).from_config(layer.get_config())


def _first(output):
    return tf.nest.flatten(output)[0]
