"""Captioners in the cache folder: graph and weights of a run, which load without building Keras layers or tracing.

Building the layers of a run, reading their weights and tracing their graphs takes longer than captioning a sound. The
first command that captions with a run therefore stores a SavedModel from features to captions, and later commands load
it. If the stored captioners exceed `$AAC_TF_CAPTIONERS_MB` megabytes (default 1024), the least recently used are
removed; 0 stores none.
"""

import concurrent.futures
import contextlib
import dataclasses
import hashlib
import itertools
import json
import logging
import os
import shutil
import time
import uuid

import tensorflow as tf

from aac_tf.runs.fetch import open_run
from aac_tf.runs.identity import identity
from aac_tf.utils.cache import CacheError, cache_folder

logger = logging.getLogger(__name__)

VARIABLE, _DEFAULT_MB = "AAC_TF_CAPTIONERS_MB", "1024"
_MOST_DIGITS = 15
_ABOUT = "captioner.json"
_ABANDONED_SECONDS = 3600  # age of an unfinished folder whose process was killed


class StoredCaptioner:
    """Captions sounds as the saved `Captioner` does, with the run's search and constraints.

    Args:
        maker: `CaptionMaker`.
        describe: as from `Captioner.describer`.
        start: int, id of the token before the first word.
    """

    def __init__(self, maker, describe, start):
        self._maker, self._describe, self._start = maker, describe, start

    @property
    def class_names(self):
        """See `Captioner.class_names`."""
        return self._maker.class_names

    def caption_each(self, paths_or_waveforms):
        """See `Captioner.caption_each`; takes a list of sounds."""
        return self._maker.caption_each(self._describe, paths_or_waveforms, itertools.repeat(self._start))


class CacheEntry:
    """A captioner's entry in the cache folder.

    Several processes may use it at the same time, since a complete folder replaces it in one step. Damaged entries are
    ignored, and overwritten by `save`.

    Args:
        run: as for `open_run`.
        overrides: see `Captioner.load`.
        beam_size: see `Captioner.caption`.

    Example:
        >>> from aac_tf import Captioner
        >>> from aac_tf.inference.stored import CacheEntry
        >>> entry = CacheEntry("everyday")  # doctest: +SKIP
        >>> captioner = entry.load()  # doctest: +SKIP
        >>> if captioner is None:  # doctest: +SKIP
        ...     captioner = Captioner.load("everyday")
        ...     entry.save(captioner)
    """

    def __init__(self, run, overrides=(), beam_size=None):
        self._run, self._overrides, self._beam_size = open_run(run), list(overrides), beam_size
        key = identity([self._run], self._overrides, "captioner", beam_size)
        try:
            self.folder = cache_folder() / "captioners" / key
        except CacheError as error:
            logger.info("captioners are not stored: %s", error)
            self.folder = None

    def load(self):
        """Loads the captioner.

        Returns:
            `StoredCaptioner`; None if there is none, or it is damaged.

        Raises:
            ValueError: if `$AAC_TF_CAPTIONERS_MB` is not a number.
        """
        about = self._about() if _max_bytes() and self.folder is not None else None
        if about is None:
            return None
        config = self._run.config(self._overrides)
        vocabulary = self._run.words(config)
        try:
            module = tf.saved_model.load(str(self.folder))
            start = vocabulary.style_id(config.decoding.style)
            describe = _warmed_up(module, about["spec"]["num_bins"], start)
        except Exception as error:  # TensorFlow raises anything; it may just have been removed
            logger.info("cannot load %s: %s", self.folder, error)
            return None
        with contextlib.suppress(OSError):  # a read-only cache
            os.utime(self.folder / _ABOUT)
        # Imported while TensorFlow optimizes the graph.
        from aac_tf.audio.spectrogram import SpectrogramSpec
        from aac_tf.inference.caption_maker import CaptionMaker, Described
        from aac_tf.inference.confidence import read_calibration
        from aac_tf.inference.front_end import FrontEnd

        maker = CaptionMaker(
            vocabulary,
            FrontEnd(SpectrogramSpec(**about["spec"])),
            tuple(about["step_times"]),
            read_calibration(self._run),
            tuple(about["class_names"]),
            about["segment_times"] and tuple(about["segment_times"]),
        )
        return StoredCaptioner(maker, lambda *clips: Described(**describe(*clips)), start)

    def save(self, captioner):
        """Saves a `Captioner` that was loaded with the same arguments, unless the folder cannot be written.

        Args:
            captioner: `Captioner` of a single model.

        Raises:
            ValueError: if `$AAC_TF_CAPTIONERS_MB` is not a number.
        """
        weights = sum(weight.dtype.size * weight.shape.num_elements() for weight in captioner.model.weights)
        if self.folder is None or weights > _max_bytes():  # it would be removed at once
            return
        temporary = self.folder.with_name(f".{self.folder.name}.{uuid.uuid4().hex}")
        try:
            temporary.mkdir(parents=True)
            module = _Module(captioner, captioner.search_for(self._beam_size))
            tf.saved_model.save(module, str(temporary))
            maker = captioner.maker
            about = {
                "spec": dataclasses.asdict(captioner.spec),
                "step_times": maker.step_times,
                "class_names": maker.class_names,
                "segment_times": maker.segment_times,
            }
            text = json.dumps({"checksum": _checksum(temporary, about), "captioner": about})
            (temporary / _ABOUT).write_text(text, encoding="utf-8")
            if self.folder.exists():  # damaged
                self.folder.rename(temporary / "replaced")
            temporary.rename(self.folder)
            shutil.rmtree(self.folder / "replaced", ignore_errors=True)
            _remove_unused(self.folder.parent)
        except Exception as error:  # captions do not depend on the cache: a full disk, a model that cannot be saved
            logger.info("cannot write %s: %s", self.folder, error)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _about(self):
        """What `save` wrote about the captioner; None if it is missing, or its files are damaged."""
        try:
            stored = json.loads((self.folder / _ABOUT).read_text(encoding="utf-8"))
            about = stored["captioner"]
            return about if stored["checksum"] == _checksum(self.folder, about) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _warmed_up(module, bins, start):
    """The function of a `_Module`, first called in a thread: TensorFlow then takes a second to optimize the graph."""
    clip = tf.zeros([1, 1, bins]), tf.ones([1], tf.int32), tf.constant([start])
    thread = concurrent.futures.ThreadPoolExecutor(1)
    first = thread.submit(module.describe, *clip)
    thread.shutdown(wait=False)

    def call(*clips):
        first.result()
        return module.describe(*clips)

    return call


class _Module(tf.Module):
    def __init__(self, captioner, search):
        super().__init__()
        self._weights = list(captioner.model.weights)
        describe = captioner.describer(search)
        features = tf.TensorSpec([None, None, captioner.front_end.bins], tf.float32)
        signature = [features, tf.TensorSpec([None], tf.int32), tf.TensorSpec([None], tf.int32)]

        def named(features, length, start):
            found = describe(features, length, start)._asdict()
            return {name: tensor for name, tensor in found.items() if tensor is not None}

        self.describe = tf.function(named, signature, autograph=False)


def _checksum(folder, about):
    digest = hashlib.sha256(json.dumps(about).encode())
    for path in sorted(path for pattern in ("*.pb", "variables/*") for path in folder.glob(pattern)):
        digest.update(f"{path.name} {path.stat().st_size}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _max_bytes():
    value = os.environ.get(VARIABLE) or _DEFAULT_MB
    if not value.isdecimal() or len(value) > _MOST_DIGITS:
        raise ValueError(f"{VARIABLE} takes a number of megabytes, got `{value}`")
    return int(value) << 20


def _remove_unused(folder):
    """Removes the least recently used captioners beyond `$AAC_TF_CAPTIONERS_MB`, and what killed processes left."""
    found = []
    for path in folder.iterdir():
        with contextlib.suppress(OSError):  # another process may be removing it
            if path.name.startswith("."):
                if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                    shutil.rmtree(path, ignore_errors=True)
                continue
            size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
            found.append(((path / _ABOUT).stat().st_mtime, size, path))
    total = 0
    for _, size, path in sorted(found, reverse=True):
        total += size
        if total > _max_bytes():
            removed = path.with_name(f".{path.name}")  # no captioner any more, even if this process is killed
            with contextlib.suppress(OSError):
                path.rename(removed)
            shutil.rmtree(removed, ignore_errors=True)
