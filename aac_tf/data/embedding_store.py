"""The embedding store: embeddings of clips, computed once and stored in TFRecord shards."""

import dataclasses
import hashlib
import json
import pathlib
import zlib

import numpy as np
import tensorflow as tf

from aac_tf.data.features import ViewedFeatures, unconverted
from aac_tf.datasets import DatasetError
from aac_tf.utils.atomic import atomic_write
from aac_tf.utils.files import RemotePath, file_path

CLIPS_PER_SHARD = 32
# Maximum number of frames in a batch, padding included; a longer clip forms a batch of its own.
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
        path: `pathlib.Path` or `RemotePath`, whose name is a hash of everything that the content depends on.
        view: int, 0 for the unmodified clips, or the number of an augmented view.
        clips: int numpy array, indices of the clips, in the order of the records.
        offsets: int numpy array, byte offset of each record.
    """

    path: pathlib.Path | RemotePath
    view: int
    clips: np.ndarray
    offsets: np.ndarray


class StoredEmbeddings:
    """Embeddings read from shards, with one row per view and clip: row `view * clips + clip`.

    Rows are read at their offsets, so that training can read clips in any order.

    Args:
        paths: list of str, file of each row.
        offsets: list of int, byte offset of each row's record in its file.
        lengths: list of int, segments of each row.
        width: int, width of an embedding.

    Attributes:
        lengths: int64 numpy array, segments of each row.
        bins: int, width of an embedding.
    """

    def __init__(self, paths, offsets, lengths, width):
        self.lengths = np.asarray(lengths, np.int64)
        self.bins = width
        self._paths = tf.constant(list(paths), tf.string)
        self._offsets = tf.constant(list(offsets), tf.int64)

    def __len__(self):
        return len(self.lengths)

    def load(self, index):
        """Reads the embedding float32 `[segments, width]` of row `index`, an int tensor; for `Dataset.map`."""
        # The public TFRecordDataset always starts with the first record of a file.
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
    """Embeds clips and stores the embeddings in a folder, unless they are already stored.

    The files are TFRecords of `tf.train.Example` with `name`, `view`, `segments` and `embedding` (float32 `[segments,
    width]`, little-endian). Their names are hashes of the network's checksum, the masks, and the name, size and
    modification time of each clip. Existing files are used and damaged ones recomputed, so a killed process loses the
    work on one file only, and several processes may share the folder. It can be deleted at any time.

    Args:
        folder: path, created if necessary.
        embedder: `FrozenEncoder`, such as `YamnetEmbedder`.
        clips: `ClipList`.
        features: `FileFeatures` of the clips.
        augment: `SpecAugment` for the augmented views; its probability is that of drawing one of them.
        views: int, number of augmented views of each clip, in addition to the unmodified one.
        keep: optional function `StoredEmbeddings -> features` that holds them elsewhere, such as `MemoryFeatures`.
        progress: optional function `(what) -> (function (done, total))`.
        make: optional function with the arguments of `embed_shards` except `progress`, which embeds missing shards
            elsewhere, such as on several machines. Shards that it does not write are embedded here.

    Returns:
        `ViewedFeatures` of the clips.

    Raises:
        DatasetError: if the folder cannot be written.
    """
    progress = progress or (lambda what: None)
    folder = file_path(folder).expanduser()
    segments = np.array([embedder.output_length(int(frames)) for frames in features.lengths], np.int64)
    shards = _plan_shards(folder, embedder, clips, features, augment, views)
    missing = _find_missing(shards, clips, segments, progress("Checking stored embeddings"))
    if missing and make:
        make(missing, embedder, clips, features, augment)
        missing = _find_missing(missing, clips, segments, progress("Checking new embeddings"))
    if missing:
        embed_shards(missing, embedder, clips, features, augment, progress("Embedding clips"))
    paths, offsets = np.empty((views + 1, len(clips)), object), np.empty((views + 1, len(clips)), np.int64)
    for shard in shards:
        paths[shard.view, shard.clips] = str(shard.path)
        offsets[shard.view, shard.clips] = shard.offsets
    rows = StoredEmbeddings(paths.ravel(), offsets.ravel(), np.tile(segments, views + 1), embedder.width)
    return ViewedFeatures(keep(rows) if keep else rows, views, augment.probability if views else 0.0)


def _plan_shards(folder, embedder, clips, features, augment, views):
    """All shards; clips of similar length share one, so that there is little padding."""
    order = np.argsort(features.lengths, kind="stable")
    shards = []
    for chosen in np.split(order, range(CLIPS_PER_SHARD, len(order), CLIPS_PER_SHARD)):
        content = []
        for clip in chosen:
            status = file_path(clips[clip].path).stat()
            content.append([clips[clip].name, status.st_size, status.st_mtime_ns])
        for view in range(views + 1):
            masks = [augment.max_frames, augment.max_bins, augment.mask_value] if view else None
            key = json.dumps(["embeddings 1", embedder.checksum, view, masks, content])
            path = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.tfrecord"
            shards.append(Shard(path, view, chosen, np.zeros(len(chosen), np.int64)))
    return sorted(shards, key=lambda shard: shard.view)


def _find_missing(shards, clips, segments, progress):
    """Reads all shards, which verifies their checksums, and sets their offsets; returns those to compute."""
    missing = []
    for done, shard in enumerate(shards, 1):
        if not _is_complete(shard, clips, segments):
            missing.append(shard)
        if progress:
            progress(done, len(shards))
    return missing


def _is_complete(shard, clips, segments):
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


# Compiled once: large datasets have thousands of shards, and all are checked when training starts.
@tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
def _inspect(path):
    """Names, views, segments and lengths of the records of a shard; raises a TensorFlow error if it is damaged."""

    def inspect(record):
        found = tf.io.parse_single_example(record, _RECORD)
        return found["name"], found["view"], found["segments"], tf.strings.length(record)

    return tf.data.TFRecordDataset(path).map(unconverted(inspect)).batch(2 * CLIPS_PER_SHARD).get_single_element()


def _offsets(record_lengths):
    """Byte offsets of records; a TFRecord has 16 bytes of length and checksums in addition to its content."""
    return np.concatenate([[0], np.cumsum([length + 16 for length in record_lengths[:-1]])]).astype(np.int64)


def embed_shards(shards, embedder, clips, features, augment, progress=None):
    """Computes and writes shards, and computes the spectrograms of the next clips in the background.

    Args:
        shards: list of `Shard`, whose offsets are set.
        embedder: see `store_embeddings`.
        clips: `ClipList` that the shards' clips are indices into.
        features: `FileFeatures` of the clips.
        augment: `SpecAugment` for augmented views, or None.
        progress: optional function `(done, total)`, of clips.

    Raises:
        DatasetError: if the shards cannot be written.
    """
    rows = [(clip, zlib.crc32(clips[clip].name.encode()), shard.view) for shard in shards for clip in shard.clips]
    index, hashes, views = (tf.constant(column, tf.int64) for column in zip(*rows))
    masks = None if augment is None else dataclasses.replace(augment, probability=1.0)

    def load(row):
        spectrogram = features.load(index[row])
        if masks is not None:
            # Masks depend only on the view and the name of the clip, so a recomputed shard equals the lost one.
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
        unconverted(
            lambda start, end, size: tf.data.Dataset.range(start, end).map(load, tf.data.AUTOTUNE).padded_batch(size)
        )
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
        shard.offsets = write_shard(shard, [clips[clip].name for clip in shard.clips], embeddings)


def write_shard(shard, names, embeddings):
    """Writes a shard atomically.

    Args:
        shard: `Shard`.
        names: list of str, names of its clips.
        embeddings: list of float32 `[segments, width]`.

    Returns:
        int64 numpy array, the offset of each record.

    Raises:
        DatasetError: if it cannot be written.
    """
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
            f"cannot store embeddings in {shard.path.parent}: {reason}; choose another folder with "
            "data.embedding_folder, or compute them in every epoch with data.embedding_store=off"
        ) from error
    return _offsets(lengths)


def _bytes(value):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _integer(value):
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
