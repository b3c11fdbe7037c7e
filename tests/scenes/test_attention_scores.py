import numpy as np
import pytest

from aac_tf.inference.caption import Caption, Word
from aac_tf.scenes import Event, Scene
from aac_tf.scenes.attention_scores import score_attention

EDGES = np.arange(11.0)
DOG = Event("dog bark", 2.5, 3.5, "foreground", -18)
BELL = Event("bell", 7, 9, "foreground", -18)
RAIN = Event("rain", 0, 10, "background", -30)


def weights(*steps):
    values = np.zeros(10, np.float32)
    values[list(steps)] = 1 / len(steps)
    return values


def caption(text, **heard):
    words = [Word(word, heard.get(word, np.full(10, 0.1, np.float32)), 0.5, (0, 1)) for word in text.split()]
    return Caption(text, -1.0, [], words, EDGES)


def scene(*events):
    return Scene("scene.wav", 10.0, tuple(events))


def score(caption, scene, tolerance=0.0):
    corpus, per_item = score_attention({"scene.wav": caption}, {"scene.wav": scene}, tolerance)
    assert set(per_item["scene.wav"]) == {"attention_inside", "uniform_inside", "attention_hits", "uniform_hits"}
    return corpus


def test_attention_inside_the_event():
    corpus = score(caption("a dog barks", dog=weights(3), barks=weights(3)), scene(DOG, BELL))
    # Half of the step from 3 to 4 lies inside, as does a tenth of the scene; only steps 2 and 3 are centred inside.
    assert corpus["attention_inside"] == pytest.approx(0.5)
    assert corpus["uniform_inside"] == pytest.approx(0.1)
    assert corpus["attention_hits"] == 1
    assert corpus["uniform_hits"] == pytest.approx(0.2)
    assert corpus["named_events"] == 1


def test_attention_outside_the_event():
    corpus = score(caption("a dog barks", dog=weights(7), barks=weights(8)), scene(DOG, BELL))
    assert corpus["attention_inside"] == corpus["attention_hits"] == 0


def test_uniform_attention_has_the_uniform_scores():
    corpus = score(caption("a dog barks and then a bell tolls"), scene(DOG, BELL))
    assert corpus["attention_inside"] == pytest.approx(corpus["uniform_inside"])
    assert corpus["uniform_inside"] == pytest.approx((0.1 + 0.2) / 2)
    assert corpus["named_events"] == 2


def test_tolerance_extends_the_events():
    far = caption("a dog barks", dog=weights(4), barks=weights(4))
    assert score(far, scene(DOG))["attention_inside"] == 0
    assert score(far, scene(DOG), tolerance=1.0)["attention_inside"] == pytest.approx(0.5)


def test_absent_sounds_and_backgrounds_do_not_count():
    corpus = score(caption("a cat meows while rain falls", rain=weights(1)), scene(DOG, RAIN))
    assert corpus["named_events"] == 0
    assert corpus["attention_inside"] is None


def test_attention_to_either_occurrence_counts():
    again = Event("dog bark", 6, 7, "foreground", -18)
    corpus = score(caption("a dog barks", dog=weights(6), barks=weights(6)), scene(DOG, again))
    assert corpus["attention_inside"] == 1


def test_every_caption_needs_a_scene():
    with pytest.raises(ValueError, match=r"other\.wav"):
        score_attention({"other.wav": caption("a dog barks")}, {"scene.wav": scene(DOG)})
