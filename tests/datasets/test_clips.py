import pytest

from aac_tf.datasets import Clip, DatasetError


@pytest.mark.parametrize("weight", [0, -1, 1.5, "2"])
def test_weights_are_positive_integers(weight):
    with pytest.raises(DatasetError, match=r"clip a\.wav must be a positive integer"):
        Clip("a.wav", "a.wav", ["x"], weight=weight)
