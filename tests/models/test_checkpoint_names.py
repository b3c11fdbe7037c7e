"""Names in checkpoints and in saved configs: those of earlier versions must still load."""

import itertools

import pytest
import tensorflow as tf

from aac_tf.models import AttentionDecoder, CaptioningModel, FixedVectorDecoder, SubsampledBiRNN
from aac_tf.models.cudnn import CuDNNGRU, CuDNNLSTM

CELL = ["bias", "kernel", "recurrent_kernel"]
BIRNN = [
    "encoder/_dropout/0/_generator/_state_var",
    *(
        f"encoder/_recurrent/0/{direction}_layer/cell/{weight}"
        for direction, weight in itertools.product(["forward", "backward"], CELL)
    ),
]
CLASSIFIER = ["decoder/_classifier/bias", "decoder/_classifier/kernel", "decoder/_dropout/_generator/_state_var"]
ATTENTION = [
    "decoder/_cell/attention/_encoded/bias",
    "decoder/_cell/attention/_encoded/kernel",
    "decoder/_cell/attention/_query/kernel",
    "decoder/_cell/attention/_score/kernel",
    *(f"decoder/_cell/lstm/{weight}" for weight in CELL),
    "decoder/_embedding/embeddings",
]
FIXED_VECTOR = [f"decoder/_recurrent/cell/{weight}" for weight in CELL]


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize(
    ("decoder", "names"),
    [(AttentionDecoder(11, 6, 4, 5), ATTENTION), (FixedVectorDecoder(11, 6), FIXED_VECTOR)],
    ids=["attention", "fixed vector"],
)
def test_names_in_checkpoints(tmp_path, cell, decoder, names):
    normalization = tf.keras.layers.Normalization(mean=[0.0] * 5, variance=[1.0] * 5)
    model = CaptioningModel(SubsampledBiRNN(4, 1, cell), decoder, normalization)
    model({"features": tf.zeros([1, 4, 5]), "length": tf.constant([4]), "tokens": tf.zeros([1, 2], tf.int32)})
    path = tf.train.Checkpoint(model=model).write(str(tmp_path / "model"))
    found = {name for name, _ in tf.train.list_variables(path) if name != "_CHECKPOINTABLE_OBJECT_GRAPH"}
    ending = "/.ATTRIBUTES/VARIABLE_VALUE"
    assert found == {f"model/{name}{ending}" for name in [*BIRNN, *CLASSIFIER, *names]}


@pytest.mark.parametrize(("name", "kind"), [("CudnnLSTM", CuDNNLSTM), ("CudnnGRU", CuDNNGRU)])
def test_configs_with_earlier_class_names(name, kind):
    config = {"class_name": f"aac_tf>{name}", "config": kind(4, return_sequences=True).get_config()}
    layer = tf.keras.layers.deserialize(config)
    assert type(layer) is kind
    assert (layer.units, layer.return_sequences) == (4, True)
