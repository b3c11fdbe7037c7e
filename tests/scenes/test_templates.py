import numpy as np
import pytest

from aac_tf.scenes.events import Event
from aac_tf.scenes.templates import weighted_captions, write_captions
from aac_tf.scenes.wording import words_of


def event(category, onset, offset, role="foreground"):
    return Event(category, onset, offset, role, -20.0)


def test_captions_tell_the_order_and_the_background():
    events = (event("rain", 0, 9, "background"), event("dog bark", 1, 2), event("bell", 4, 6))
    captions = [caption for _, caption in weighted_captions(events)]
    assert captions[0] == "a dog barks and then a bell tolls while rain falls in the background"
    assert "a dog barking followed by a bell tolling with rain falling in the background" in captions
    assert "a bell tolls after a dog barks as rain falls" in captions
    together = [caption for _, caption in weighted_captions((event("siren", 1, 5), event("knock", 2, 3)))]
    assert together[0] == "a siren wails while someone knocks"
    assert not any("then" in caption or "follow" in caption for caption in together)


def test_five_captions_differ_and_most_have_the_likeliest():
    events = (event("dog bark", 1, 2), event("bell", 4, 6))
    written = [write_captions(events, np.random.default_rng(seed)) for seed in range(50)]
    assert all(len(set(captions)) == 5 for captions in written)
    assert sum("a dog barks and then a bell tolls" in captions for captions in written) > 35


def test_scenes_without_a_template_are_refused():
    with pytest.raises(ValueError, match="at most one background"):
        weighted_captions((event("rain", 0, 9, "background"), event("wind", 0, 9, "background"), event("cat", 1, 2)))
    with pytest.raises(ValueError, match="three foreground"):
        weighted_captions(())


def test_the_likeliest_caption_reaches_a_good_bleu():
    bleu = pytest.importorskip("pycocoevalcap.bleu.bleu").Bleu
    references, predictions = {}, {}
    for index in range(150):
        rng = np.random.default_rng(index)
        front = [category for category in ("siren", "knock", "phone") if rng.uniform() < 0.6] or ["bell"]
        events = [event(category, 2.0 * place, 2.0 * place + 1) for place, category in enumerate(front)]
        if len(front) < 3 and rng.uniform() < 0.4:
            events.insert(0, event("rain", 0, 9, "background"))
        references[index] = [" ".join(words_of(caption)) for caption in write_captions(events, rng)]
        predictions[index] = [" ".join(words_of(weighted_captions(events)[0][1]))]
    scores, _ = bleu(4).compute_score(references, predictions, verbose=0)
    assert scores[3] > 0.6
