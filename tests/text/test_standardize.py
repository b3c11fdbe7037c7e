import tensorflow as tf

from aac_tf.text import standardize


def test_standardize_lowers_and_removes_punctuation():
    texts = standardize(tf.constant(["  It's  Über-loud (twice)!\n", "", "crème\u00a0brûlée"])).numpy()
    assert [text.decode() for text in texts] == ["its überloud twice", "", "crème brûlée"]
