"""`check_layer` passes a correct layer and catches each mistake."""

import numpy as np
import pytest
import tensorflow as tf
from layer_checks import check_layer

from aac_tf.models.dropout import CheckpointedDropout

INPUTS = tf.random.stateless_normal([4, 3], [1, 2])


@tf.keras.utils.register_keras_serializable("tests")
class Affine(tf.keras.layers.Layer):
    """A correct layer: `dropout(x W + b)`."""

    def __init__(self, units=2, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self._dropout = self.make_dropout()

    def make_dropout(self):
        return CheckpointedDropout(0.5, dtype=self.dtype_policy)

    def build(self, input_shape):
        self._kernel = self.add_weight("kernel", [input_shape[-1], self.units])
        self._bias = self.add_weight("bias", [self.units])
        super().build(input_shape)

    def call(self, inputs, training=None):
        return self._dropout(tf.matmul(inputs, self._kernel) + self._bias, training=training)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class ForgetsAnArgument(Affine):
    def get_config(self):
        return {name: value for name, value in super().get_config().items() if name != "units"}


class ChangesAnArgument(Affine):
    def __init__(self, units=2, **kwargs):
        super().__init__(units + 1, **kwargs)


class KeepsNoAttribute(Affine):
    def __init__(self, units=2, rate=0.5, **kwargs):
        super().__init__(units, **kwargs)

    def get_config(self):
        return {**super().get_config(), "rate": 0.5}


class ConfigIsNotJSON(Affine):
    def get_config(self):
        return {**super().get_config(), "units": np.int64(2)}


class AttributesDependOnHistory(Affine):
    instances = 0

    def __init__(self, units=2, **kwargs):
        super().__init__(units, **kwargs)
        type(self).instances += 1
        setattr(self, f"number_{self.instances}", True)


class HidesAnAttributeOfKeras(Affine):
    def __init__(self, units=2, **kwargs):
        super().__init__(units, **kwargs)
        self.count_params = 8


class BuildsInCall(Affine):
    def build(self, input_shape):
        self.built = True

    def call(self, inputs, training=None):
        if not self.weights:
            super().build(inputs.shape)
        return super().call(inputs, training)


class OneWeightMore(Affine):
    def build(self, input_shape):
        super().build(input_shape)
        self._counter = self.add_weight("counter", [], trainable=False)


class UntrainedWeight(Affine):
    def call(self, inputs, training=None):
        return self._dropout(tf.matmul(inputs, self._kernel) + tf.stop_gradient(self._bias), training=training)


class HiddenRandomState(Affine):
    def make_dropout(self):
        return tf.keras.layers.Dropout(0.5, dtype=self.dtype_policy)


class RandomInInference(Affine):
    def call(self, inputs, training=None):
        return super().call(inputs, training=True)


class NotANumber(Affine):
    def call(self, inputs, training=None):
        return super().call(inputs, training) * np.nan


class PlainNumPy(Affine):
    def call(self, inputs, training=None):
        inputs = super().call(inputs, training)
        return tf.ensure_shape(tf.numpy_function(np.copy, [inputs], inputs.dtype), inputs.shape)


class AlwaysFloat32(Affine):
    def call(self, inputs, training=None):
        return tf.cast(super().call(inputs, training), tf.float32)


class HalfWeights(Affine):
    def add_weight(self, name, shape, **kwargs):
        return super().add_weight(name, shape, dtype=self.compute_dtype, **kwargs)


class AnotherResultInHalfPrecision(Affine):
    def call(self, inputs, training=None):
        return super().call(inputs, training) + (1 if inputs.dtype == tf.bfloat16 else 0)


class NoGradientInTraining(Affine):
    def call(self, inputs, training=None):
        output = super().call(inputs, training)
        return tf.stop_gradient(output) if training else output


MISTAKES = {
    ForgetsAnArgument: "constructor arguments",
    ChangesAnArgument: "another config",
    KeepsNoAttribute: "constructor arguments",
    ConfigIsNotJSON: "not JSON serializable",
    AttributesDependOnHistory: "other attributes",
    HidesAnAttributeOfKeras: "hide those of Keras",
    BuildsInCall: "0 trainable weights, not 2",
    OneWeightMore: "1 non-trainable weights, not 0",
    UntrainedWeight: "does not change .*bias",
    HiddenRandomState: "does not repeat random numbers",
    RandomInInference: "a copy has another output",
    NotANumber: "not finite",
    PlainNumPy: "PyFunc",
    AlwaysFloat32: "mixed_bfloat16 is float32, not bfloat16",
    HalfWeights: "not float32",
    AnotherResultInHalfPrecision: "another output in mixed_bfloat16",
    NoGradientInTraining: "No gradients provided",
}


def check(layer, **expected):
    defaults = {
        "expected_output_shape": (4, 2),
        "expected_num_trainable_weights": 2,
        "expected_num_seed_generators": 0 if isinstance(layer, HiddenRandomState) else 1,
        "build_shape": [4, 3],
    }
    check_layer(layer, lambda layer: layer(INPUTS), **{**defaults, **expected})


def test_a_correct_layer_passes():
    check(Affine())


@pytest.mark.parametrize("kind", MISTAKES, ids=lambda kind: kind.__name__)
def test_a_mistake_is_caught(kind):
    kind = tf.keras.utils.register_keras_serializable("tests")(kind)
    with pytest.raises((AssertionError, TypeError, ValueError, tf.errors.OpError), match=MISTAKES[kind]):
        check(kind())


def test_an_unregistered_layer_is_caught():
    class Local(Affine):
        """Not registered, and not an attribute of a module by which Keras could find it."""

    with pytest.raises(TypeError, match="Local"):
        check(Local())


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"expected_output_shape": (4, 3)}, "shape"),
        ({"expected_output_shape": ((4, 2), (4,))}, "shape"),
        ({"expected_output_dtype": "bfloat16"}, "dtype"),
        ({"expected_num_trainable_weights": 1}, "2 trainable weights, not 1"),
        ({"expected_num_non_trainable_weights": 1}, "0 non-trainable weights, not 1"),
        ({"expected_num_seed_generators": 2}, "1 seed generators, not 2"),
    ],
)
def test_another_expectation_is_not_met(expected, message):
    with pytest.raises(AssertionError, match=message):
        check(Affine(), **expected)
