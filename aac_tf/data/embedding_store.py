"""Embeddings of a list of clips, computed once and kept as sharded TFRecords."""

import dataclasses
import hashlib
import json
import os
import pathlib
import zlib

import numpy as np
import tensorflow as tf

from aac_tf.data.features import ViewedFeatures
from aac_tf.datasets.clips import DatasetError
from aac_tf.utils.atomic import atomic_write

CLIPS_PER_SHARD = 32
# Frames that are embedded together at the most, padding included; a longer clip goes alone.
BATCH_FRAMES = 100_000

_RECORD = {
    "name": tf.io.FixedLenFeature([], tf.string),
    "view": tf.io.FixedLenFeature([], tf.int64),
    "segments": tf.io.FixedLenFeature([], tf.int64),
    "embedding": tf.io.FixedLenFeature([], tf.string),
}


@dataclasses.dataclass
class Shard:
    """A file with one view of some clips.

    Attributes:
        path: `pathlib.Path`; the name is a hash of all that the content depends on.
        view: 0 for the clips as they are, or the number of an augmented view.
        clips: int numpy array, which clips, in the order of the records.
        offsets: byte at which each record begins.
    """

    path: pathlib.Path
    view: int
    clips: np.ndarray
    offsets: np.ndarray


class StoredEmbeddings:
    """Embeddings read from shards, one row for every view and clip: row `view * clips + clip`.

    A row is read by itself, wherever it lies in its file, so that training can ask for clips in any order.

    Args:
        paths: list of str, the file of each row.
        offsets: list of int, the byte at which each row's record begins.
        lengths: list of int, segments of each row.
        width: int, of an embedding.

    Attributes:
        lengths, bins: segments of each row, width of an embedding; as in `FileFeatures`.
    """

    def __init__(self, paths, offsets, lengths, width):
        self.lengths = np.asarray(lengths, np.int64)
        self.bins = width
        self._paths = tf.constant(list(paths), tf.string)
        self._offsets = tf.constant(list(offsets), tf.int64)

    def __len__(self):
        return len(self.lengths)

    def load(self, index):
        """Embedding float32 `[segments, width]` of a row (int tensor); a graph function for `Dataset.map`."""
        # The public TFRecordDataset always begins with the first record of a file.
        records = tf.raw_ops.TFRecordDatasetV2(
            filenames=self._paths[index][tf.newaxis],
            compression_type="",
            buffer_size=tf.constant(0, tf.int64),
            byte_offsets=self._offsets[index][tf.newaxis],
        )
        element = {"output_types": [tf.string], "output_shapes": [tf.TensorShape([])]}
        first = tf.raw_ops.TakeDataset(input_dataset=records, count=tf.constant(1, tf.int64), **element)
        (record,) = tf.raw_ops.DatasetToSingleElement(dataset=first, **element)
        values = tf.io.decode_raw(tf.io.parse_single_example(record, _RECORD)["embedding"], tf.float32)
        return tf.reshape(values, [-1, self.bins])


def store_embeddings(folder, embedder, clips, features, augment=None, views=0, keep=None, progress=None, make=None):
    """Embeds clips, unless that was done before, and keeps the embeddings in a folder.

    The files, TFRecords of `tf.train.Example` (`name`, `view`, `segments`, and `embedding`: float32 `[segments,
    width]`, little-endian), are named by a hash of the network's checksum, the masks, and name, size and time of change
    of their clips. What is there is taken, and damaged files are made anew, so that a killed process loses one file's
    work, and runs, also running ones, may share a folder. Nothing is lost but time if it is deleted.

    Args:
        folder: path, made where it is not there.
        embedder: frozen layer `(spectrogram, length) -> (embedding, length)`, such as `YamnetEmbedder`.
        clips: `ClipList`.
        features: `FileFeatures` of the clips.
        augment: `SpecAugment` for the augmented views; its probability is that of drawing one of them.
        views: int, augmented views of each clip beside the one as it is.
        keep: optional function `StoredEmbeddings -> features` to hold them elsewhere, such as `MemoryFeatures`.
        progress: optional function `(what) -> (function (done, total))`.
        make: optional function with the arguments of `embed_shards`, but for `progress`, that embeds what is missing
            elsewhere, such as on several machines. What it leaves is embedded here.

    Returns:
        `ViewedFeatures` of the clips.

    Raises:
        DatasetError: if the folder cannot be written to.
    """
    progress = progress or (lambda what: None)
    folder = pathlib.Path(folder).expanduser()
    segments = np.array([embedder.output_length(int(frames)) for frames in features.lengths], np.int64)
    shards = _plan(folder, embedder, clips, features, augment, views)
    missing = _check(shards, clips, segments, progress("Checking stored embeddings"))
    if missing and make:
        make(missing, embedder, clips, features, augment)
        missing = _check(missing, clips, segments, progress("Checking new embeddings"))
    if missing:
        embed_shards(missing, embedder, clips, features, augment, progress("Embedding clips"))
    paths, offsets = np.empty((views + 1, len(clips)), object), np.empty((views + 1, len(clips)), np.int64)
    for shard in shards:
        paths[shard.view, shard.clips] = os.fspath(shard.path)
        offsets[shard.view, shard.clips] = shard.offsets
    rows = StoredEmbeddings(paths.ravel(), offsets.ravel(), np.tile(segments, views + 1), embedder.width)
    return ViewedFeatures(keep(rows) if keep else rows, views, augment.probability if views else 0.0)


def _plan(folder, embedder, clips, features, augment, views):
    """All shards; clips of like length share one, so that hardly any padding is embedded."""
    order = np.argsort(features.lengths, kind="stable")
    shards = []
    for chosen in np.split(order, range(CLIPS_PER_SHARD, len(order), CLIPS_PER_SHARD)):
        content = []
        for clip in chosen:
            status = os.stat(clips[clip].path)
            content.append([clips[clip].name, status.st_size, status.st_mtime_ns])
        for view in range(views + 1):
            masks = [augment.max_frames, augment.max_bins, augment.mask_value] if view else None
            key = json.dumps(["embeddings 1", embedder.checksum, view, masks, content])
            path = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.tfrecord"
            shards.append(Shard(path, view, chosen, np.zeros(len(chosen), np.int64)))
    return sorted(shards, key=lambda shard: shard.view)


def _check(shards, clips, segments, progress):
    """Reads every shard, which checks its sums, and fills in the offsets; returns those that have to be made."""
    missing = []
    for done, shard in enumerate(shards, 1):
        if not _is_whole(shard, clips, segments):
            missing.append(shard)
        if progress:
            progress(done, len(shards))
    return missing


def _is_whole(shard, clips, segments):
    if not shard.path.is_file():
        return False

    try:
        names, views, counts, lengths = (column.numpy() for column in _inspect(str(shard.path)))
    except tf.errors.OpError:
        return False
    expected = [(clips[clip].name.encode(), shard.view, segments[clip]) for clip in shard.clips]
    if list(zip(names, views, counts)) != expected:
        return False
    shard.offsets = _offsets(lengths.tolist())
    return True


# Compiled once: big datasets have thousands of shards, and each is looked at whenever a training begins.
@tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
def _inspect(path):
    """Names, views, segments and lengths of a shard's records; an error of TensorFlow where it is damaged."""

    def inspect(record):
        found = tf.io.parse_single_example(record, _RECORD)
        return found["name"], found["view"], found["segments"], tf.strings.length(record)

    return tf.data.TFRecordDataset(path).map(inspect).batch(2 * CLIPS_PER_SHARD).get_single_element()


def _offsets(record_lengths):
    """Where records begin: a length and its sum come before each, a sum after it, 16 bytes in all."""
    return np.concatenate([[0], np.cumsum([length + 16 for length in record_lengths[:-1]])]).astype(np.int64)


def embed_shards(shards, embedder, clips, features, augment, progress=None):
    """Makes shards, the spectrograms of the next clips being computed meanwhile.

    Args:
        shards: list of `Shard`, whose offsets are filled in.
        embedder: see `store_embeddings`.
        clips: `ClipList` that the shards' numbers count in.
        features: `FileFeatures` of the clips.
        augment: `SpecAugment` for augmented views, or None.
        progress: optional function `(done, total)`, of clips.

    Raises:
        DatasetError: if they cannot be written.
    """
    rows = [(clip, zlib.crc32(clips[clip].name.encode()), shard.view) for shard in shards for clip in shard.clips]
    index, hashes, views = (tf.constant(column, tf.int64) for column in zip(*rows))
    masks = None if augment is None else dataclasses.replace(augment, probability=1.0)

    def load(row):
        spectrogram = features.load(index[row])
        if masks is not None:
            # The masks of a view are a function of the clip's name, so that a shard made anew equals the lost one.
            masked = masks(spectrogram, tf.stack([hashes[row], views[row]]))
            spectrogram = tf.where(views[row] > 0, masked, spectrogram)
        return spectrogram, tf.shape(spectrogram)[0]

    signature = [tf.TensorSpec([None, None, features.bins], tf.float32), tf.TensorSpec([None], tf.int32)]
    embed = tf.function(lambda spectrogram, length: embedder(spectrogram, length), signature, autograph=False)
    ends = np.cumsum([len(shard.clips) for shard in shards])
    longest = np.array([max(features.lengths[shard.clips]) for shard in shards])
    sizes = np.clip(BATCH_FRAMES // longest, 1, CLIPS_PER_SHARD)
    batches = tf.data.Dataset.from_tensor_slices((ends - [len(shard.clips) for shard in shards], ends, sizes))
    batches = batches.flat_map(
        lambda start, end, size: tf.data.Dataset.range(start, end).map(load, tf.data.AUTOTUNE).padded_batch(size)
    )
    batches, done = iter(batches.prefetch(2)), 0
    for shard in shards:
        embeddings = []
        while len(embeddings) < len(shard.clips):
            embedded, segments = embed(*next(batches))
            embeddings += [row[:count] for row, count in zip(embedded.numpy(), segments.numpy())]
            if progress:
                progress(done + len(embeddings), len(rows))
        done += len(embeddings)
        shard.offsets = _write(shard, [clips[clip].name for clip in shard.clips], embeddings)


def _write(shard, names, embeddings):
    """Writes a shard beside its place and moves it there; returns the offsets of its records."""
    lengths = []
    try:
        shard.path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(shard.path) as unfinished, tf.io.TFRecordWriter(str(unfinished)) as writer:
            for name, embedding in zip(names, embeddings):
                values = {
                    "name": _bytes(name.encode()),
                    "view": _integer(shard.view),
                    "segments": _integer(len(embedding)),
                    "embedding": _bytes(embedding.astype("<f4").tobytes()),
                }
                record = tf.train.Example(features=tf.train.Features(feature=values)).SerializeToString()
                writer.write(record)
                lengths.append(len(record))
    except (OSError, tf.errors.OpError) as error:
        reason = " ".join(str(getattr(error, "message", error)).split())
        raise DatasetError(
            f"cannot store embeddings in {shard.path.parent}: {reason}; name another folder with "
            "data.embedding_folder, or compute them every epoch with data.embedding_store=off"
        ) from error
    return _offsets(lengths)


def _bytes(value):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _integer(value):
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
