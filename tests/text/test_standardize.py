import tensorflow as tf

from aac_tf.text import standardize


def test_standardize_lowers_and_removes_punctuation():
    texts = standardize(tf.constant(["  It's  Über-loud (twice)!\n", "", "crème\u00a0brûlée"])).numpy()
    assert [text.decode() for text in texts] == ["its überloud twice", "", "crème brûlée"]


def test_separators_between_words_are_spaces():
    texts = ["and/or", "dash—dash", "a\u2013b", "one|two", "wait…what", "wait...what", "a--b", "well-known"]
    expected = ["and or", "dash dash", "a b", "one two", "wait what", "wait what", "a b", "wellknown"]
    assert [text.decode() for text in standardize(tf.constant(texts)).numpy()] == expected
