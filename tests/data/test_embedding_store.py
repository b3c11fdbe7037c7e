"""The embedding store: same values as computed embeddings, computed once, repaired if damaged."""

import os

import numpy as np
import pytest
import tensorflow as tf
from full_disk import full_disk

from aac_tf.audio import SpecAugment
from aac_tf.data import embedding_store as module
from aac_tf.data.embedding_store import store_embeddings
from aac_tf.data.features import MemoryFeatures
from aac_tf.datasets import Clip, ClipList, DatasetError

FRAMES = [7, 30, 12, 5, 18, 9, 22]
AUGMENT = SpecAugment(max_frames=4, max_bins=2, probability=0.5, mask_value=-1.0)


class Spectrograms:
    """Spectrograms of noise, different for each clip."""

    lengths = np.array(FRAMES)
    bins = 4

    def __len__(self):
        return len(FRAMES)

    def load(self, index):
        frames = tf.gather(tf.constant(FRAMES), index)
        return tf.random.stateless_uniform([frames, self.bins], tf.stack([tf.cast(index, tf.int32), 1]))


class PairEmbedder:
    """Embeds pairs of frames as their sum, repeated to twice the width, and counts the clips."""

    checksum = "first"
    width = 8

    def __init__(self):
        self.clips = tf.Variable(0)

    def output_length(self, frames):
        return (frames + 1) // 2

    def __call__(self, spectrogram, length):
        self.clips.assign_add(tf.shape(spectrogram)[0])
        spectrogram = tf.where(tf.sequence_mask(length, tf.shape(spectrogram)[1])[..., tf.newaxis], spectrogram, 0.0)
        padded = tf.pad(spectrogram, [[0, 0], [0, tf.shape(spectrogram)[1] % 2], [0, 0]])
        return tf.tile(padded[:, ::2] + padded[:, 1::2], [1, 1, 2]), self.output_length(length)


@pytest.fixture
def clips(tmp_path):
    names = [f"clip {k} ä.wav" for k in range(len(FRAMES))]
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    return ClipList([Clip(name, str(tmp_path / name), ["a dog"]) for name in names])


@pytest.fixture
def store(clips, tmp_path, monkeypatch):
    """Function that stores embeddings, three clips per shard; returns (features, number of embedded clips)."""
    monkeypatch.setattr(module, "CLIPS_PER_SHARD", 3)

    def run(clips=clips, views=2, augment=AUGMENT, embedder=None, **options):
        embedder = embedder or PairEmbedder()
        features = store_embeddings(
            tmp_path / "store", embedder, clips, Spectrograms(), augment, views=views, **options
        )
        return features, int(embedder.clips)

    return run


def shards(tmp_path):
    return sorted((tmp_path / "store").iterdir())


def load_all(features):
    return [features.load(tf.constant(index, tf.int64)).numpy() for index in range(len(features))]


def embed(spectrogram):
    embedding, length = PairEmbedder()(spectrogram[tf.newaxis], tf.shape(spectrogram)[:1])
    return embedding[0, : length[0]].numpy()


def test_stored_embeddings_are_those_of_the_network(store):
    features, embedded = store()
    assert embedded == 3 * len(FRAMES)
    assert features.lengths.tolist() == [(frames + 1) // 2 for frames in FRAMES]
    assert features.bins == 8
    for index, found in enumerate(load_all(features)):
        np.testing.assert_array_equal(found, embed(Spectrograms().load(index)))


def test_embeddings_are_computed_once(store, tmp_path):
    first, _ = store()
    times = [path.stat().st_mtime_ns for path in shards(tmp_path)]
    again, embedded = store()
    assert embedded == 0
    assert [path.stat().st_mtime_ns for path in shards(tmp_path)] == times
    for found, expected in zip(load_all(again), load_all(first)):
        np.testing.assert_array_equal(found, expected)


def test_more_views_keep_the_existing_ones(store):
    store(views=1)
    assert store(views=3)[1] == 2 * len(FRAMES)
    assert store(views=0, augment=None)[1] == 0


def test_training_draws_the_unmodified_clip_or_a_masked_view(store):
    features, _ = store(views=2)
    seeds = tf.data.Dataset.range(200).map(lambda k: features.draw(tf.constant(1, tf.int64), tf.stack([k, 7])))
    drawn = [draw.tobytes() for draw in seeds.as_numpy_iterator()]
    plain = embed(Spectrograms().load(1)).tobytes()
    assert len(set(drawn)) == 3
    assert 0.35 < np.mean([draw == plain for draw in drawn]) < 0.65
    np.testing.assert_array_equal(
        features.draw(tf.constant(1, tf.int64), tf.constant([3, 7], tf.int64)).numpy().tobytes(), drawn[3]
    )


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "foreign", "missing"])
def test_a_damaged_shard_is_computed_again(store, tmp_path, damage):
    intact, _ = store()
    victim = shards(tmp_path)[2]
    content = bytearray(victim.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 1
    elif damage == "cut":
        content = content[:-5]
    elif damage == "empty":
        content = b""
    elif damage == "foreign":
        content = shards(tmp_path)[4].read_bytes()
    if damage == "missing":
        victim.unlink()
    else:
        victim.write_bytes(content)
    repaired, embedded = store()
    assert 1 <= embedded <= 3
    for found, expected in zip(load_all(repaired), load_all(intact)):
        np.testing.assert_array_equal(found, expected)
    assert store()[1] == 0


def test_a_killed_process_loses_no_finished_shard(store, tmp_path):
    class Killed(BaseException):
        pass

    def progress(what):
        def report(done, total):
            if what.startswith("Embedding") and done > 4:
                raise Killed

        return report

    with pytest.raises(Killed):
        store(views=0, augment=None, progress=progress)
    assert len(shards(tmp_path)) == 1
    assert store(views=0, augment=None)[1] == len(FRAMES) - 3


@pytest.mark.parametrize("change", ["network", "masks", "file"])
def test_changes_of_network_masks_or_files_compute_new_embeddings(store, clips, change):
    store()
    embedder, augment = PairEmbedder(), AUGMENT
    if change == "network":
        embedder.checksum = "second"
    elif change == "masks":
        augment = SpecAugment(max_frames=5, max_bins=2, probability=0.5)
    else:
        os.utime(clips[0].path, ns=(1, 1))
    assert store(embedder=embedder, augment=augment)[1] == {"network": 21, "masks": 14, "file": 9}[change]


def test_the_probability_of_masks_does_not_compute_new_embeddings(store):
    store()
    assert store(augment=SpecAugment(max_frames=4, max_bins=2, probability=0.1, mask_value=-1.0))[1] == 0


def test_embeddings_can_be_kept_in_memory(store):
    plain, _ = store()
    held, _ = store(keep=MemoryFeatures)
    for found, expected in zip(load_all(held), load_all(plain)):
        np.testing.assert_array_equal(found, expected)
    seed = tf.constant([5, 6])
    for index in range(len(FRAMES)):
        index = tf.constant(index, tf.int64)
        np.testing.assert_array_equal(held.draw(index, seed), plain.draw(index, seed))


class WideEmbedder(PairEmbedder):
    """Embeddings of many bytes."""

    width = 8000

    def __call__(self, spectrogram, length):
        embedding, length = super().__call__(spectrogram, length)
        return tf.tile(embedding, [1, 1, 1000]), length


def test_a_full_disk_leaves_no_half_shard(store, tmp_path):
    with full_disk(), pytest.raises(DatasetError, match=f"cannot store embeddings in {tmp_path / 'store'}: .*choose"):
        store(embedder=WideEmbedder())
    assert shards(tmp_path) == []


def test_a_folder_that_cannot_be_written(clips, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(DatasetError, match=r"data\.embedding_folder"):
        store_embeddings(tmp_path / "file" / "store", PairEmbedder(), clips, Spectrograms())
