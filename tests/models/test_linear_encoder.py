"""The encoder of one linear layer."""

import numpy as np
import pytest
import tensorflow as tf
from contracts.encoder import check_encoder

from aac_tf.models import LinearEncoder

FEATURES = tf.random.stateless_normal([3, 9, 5], [1, 2])


@pytest.mark.parametrize("positions", [False, True])
def test_contract(positions):
    encoder = LinearEncoder(units=6, positions=positions, dropout=0.5)
    check_encoder(encoder, FEATURES, expected_num_trainable_weights=2, expected_num_seed_generators=1)


def test_positions_tell_equal_steps_apart():
    same = tf.repeat(FEATURES[:, :1], 4, axis=1)
    for positions in (False, True):
        encoded, _ = LinearEncoder(units=6, positions=positions)(same)
        assert np.allclose(encoded[:, 0], encoded[:, 3]) != positions
