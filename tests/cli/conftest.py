"""Fixtures of the tests of commands."""

import functools

import pytest


@pytest.fixture(scope="module")
def loaded_once():
    """Lets commands with the same run and overrides share one `Captioner`, whose graphs are then traced once."""
    from aac_tf.inference.captioner import Captioner  # imports TensorFlow, which some tests do not need

    load, kept = Captioner.load, {}

    @functools.wraps(load)
    def load_once(*arguments, **options):
        key = repr((arguments, options))
        if key not in kept:
            kept[key] = load(*arguments, **options)
        return kept[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Captioner, "load", load_once)
        yield
