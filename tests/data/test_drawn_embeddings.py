"""Embeddings that are drawn for sounds without recordings, with a linear stand-in for YAMNet."""

import numpy as np
import pytest
import tensorflow as tf

from aac_tf.audio import YAMNET
from aac_tf.data.drawn_embeddings import check_drawn, draw_embeddings
from aac_tf.data.features import MemoryFeatures
from aac_tf.datasets import Clip, ClipList, DatasetError
from aac_tf.embeddings import FrozenEncoder
from aac_tf.scenes import Event, Scene

NAMES = ("Bark", "Rain", "Lawn mower", "Vacuum cleaner", "Meow", "Crow")
WIDTH, WINDOWS, CLIPS = 8, 12, 200
DRAWN = "0199.wav"


class Linear(FrozenEncoder):
    """Takes frames for embeddings, and scores them linearly."""

    spec, width, checksum, class_names, segment_times = YAMNET, WIDTH, "linear", NAMES, (0.48, 0.48)
    classifier = np.eye(WIDTH, len(NAMES), dtype=np.float32), np.full(len(NAMES), -3, np.float32)

    def logits(self, embedding):
        return embedding @ self.classifier[0] + self.classifier[1]


class Rows:
    def __init__(self):
        self.frames = np.random.default_rng(0).gamma(2, size=(CLIPS, WINDOWS, WIDTH)).astype(np.float32)
        self.frames[3::4, :, 0] += 8  # a dog barks
        self.lengths, self.bins = np.full(CLIPS, WINDOWS), WIDTH

    def __len__(self):
        return CLIPS

    def load(self, index):
        return tf.constant(self.frames)[index]


def scenes(drawn="Lawn mower"):
    clips = ClipList([Clip(f"{index:04}.wav", "", ("a dog barks",)) for index in range(CLIPS)])
    bark = Event("dog bark", 0.0, 6.0, "foreground", -20)
    events = {clip.name: Scene(clip.name, 6.24, (bark,) if index % 4 == 3 else ()) for index, clip in enumerate(clips)}
    mower = Event("lawn mower", 2.0, 4.0, "foreground", -20, drawn)
    events[DRAWN] = Scene(DRAWN, 6.24, (Event("rain", 0.0, 6.0, "background", -40), mower))
    return clips, events


def test_the_class_is_heard_where_the_sound_is_and_nothing_else_changes():
    rows, embedder = Rows(), Linear()
    clips, events = scenes()
    drawn = MemoryFeatures(draw_embeddings(rows, clips, events, embedder))
    for index in (0, CLIPS - 2):
        np.testing.assert_array_equal(drawn.load(index), rows.frames[index])
    found, before = drawn.load(CLIPS - 1).numpy(), rows.frames[-1]
    # Of the windows of 0.96 s, one every 0.48 s, the third ends at 1.92 s, and the tenth begins at 4.32 s.
    changed = (found != before).any(axis=1)
    assert changed.tolist() == [False] * 3 + [True] * 6 + [False] * 3
    bark, rain, mower = embedder.logits(found[changed]).T[:3]
    assert bark.mean() < embedder.logits(before[changed])[:, 0].mean() - 2, (
        "it is not lowered, and no sound of the scene"
    )
    assert abs(mower.mean() - embedder.logits(rows.frames[3::4])[..., 0].mean()) < 2, "it is not as strong as barks are"
    np.testing.assert_allclose(rain, embedder.logits(before[changed])[:, 1], atol=1, err_msg="rain is in the scene")
    assert (found >= 0).all()


def test_a_class_is_heard_that_hardly_scores_otherwise():
    class Deaf(Linear):
        classifier = Linear.classifier[0], np.float32([-3, -3, -33, -3, -3, -3])  # a mower scores 1e-14

    rows, embedder = Rows(), Deaf()
    clips, events = scenes()
    drawn = draw_embeddings(rows, clips, events, embedder).load(CLIPS - 1)
    mower = embedder.logits(drawn).numpy()[3:9, NAMES.index("Lawn mower")].mean()
    assert abs(mower - embedder.logits(rows.frames[3::4])[..., 0].mean()) < 2


def test_a_class_is_heard_though_most_of_an_embedding_is_zero():
    class Wide(Linear):
        width = 64
        classifier = np.random.default_rng(3).normal(size=(64, len(NAMES))).astype(np.float32), Linear.classifier[1]

    rows, embedder = Rows(), Wide()
    rows.frames = np.maximum(np.random.default_rng(0).normal(-4, 4, (CLIPS, WINDOWS, 64)), 0).astype(np.float32)
    rows.bins = 64
    clips, events = scenes()
    found = [draw_embeddings(rows, clips, events, embedder, seed).load(CLIPS - 1).numpy()[3:9] for seed in range(5)]
    assert np.min(found) == 0
    mower = embedder.logits(np.array(found))[..., NAMES.index("Lawn mower")].mean()
    barks = embedder.logits(rows.frames[3::4])[..., 0].mean(axis=1)
    assert np.percentile(barks, 40) < mower < barks.max()


@pytest.mark.parametrize("order", [("Lawn mower", "Crow"), ("Crow", "Lawn mower")])
def test_of_two_sounds_that_are_drawn_both_are_heard(order):
    rows, embedder = Rows(), Linear()
    clips, events = scenes()
    both = tuple(Event(name.lower(), 0.0, 6.0, "foreground", -20, name) for name in order)
    events[DRAWN] = Scene(DRAWN, 6.24, both)
    found = draw_embeddings(rows, clips, events, embedder).load(CLIPS - 1)
    mower, crow = (embedder.logits(found).numpy()[:, NAMES.index(name)].mean() for name in ("Lawn mower", "Crow"))
    barks = embedder.logits(rows.frames[3::4])[..., 0].mean()
    assert abs(mower - barks) < 2
    assert abs(crow - barks) < 2


def test_the_same_seed_draws_the_same():
    rows, embedder = Rows(), Linear()
    clips, events = scenes()
    first, again, other = (
        draw_embeddings(rows, clips, events, embedder, seed).load(CLIPS - 1).numpy() for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_without_sounds_to_draw_rows_stay_what_they_are():
    rows = Rows()
    clips, events = scenes(drawn="")
    assert draw_embeddings(rows, clips, events, Linear()) is rows
    assert draw_embeddings(rows, clips, None, Linear()) is rows


def test_classes_that_the_network_lacks_are_named():
    _, events = scenes(drawn="Harmonica")
    with pytest.raises(DatasetError, match=r"stand-ins of other sounds \(Harmonica\).*embedding\.kind=yamnet"):
        check_drawn(events, Linear())
    check_drawn(scenes()[1], Linear())
    check_drawn(None, None)


@pytest.mark.parametrize(
    ("kept", "found"), [((3,), "12 windows, and 16 are needed"), ((0, 1, 2), "no sound in the foreground that")]
)
def test_too_few_scenes_are_refused(kept, found):
    clips, events = scenes()
    few = ClipList([clips[index] for index in (*kept, CLIPS - 1)])
    with pytest.raises(DatasetError, match=rf"have {found}.*: compose more scenes"):
        draw_embeddings(Rows(), few, events, Linear())
