"""What training reports when it starts: the coverage of the vocabulary, and the memory and time that it will take."""

import pathlib
import time
import typing

import tensorflow as tf

from aac_tf.text.standardization import count_words
from aac_tf.utils.counting import counted

# Below this share of the captions' words, captions are poor.
ENOUGH_WORDS = 0.85
# Bytes that TensorFlow and Keras take by themselves, measured.
_LIBRARIES = 1.0e9


class Coverage(typing.NamedTuple):
    """How much of some captions a vocabulary covers.

    Attributes:
        known: int, number of their different words that it has.
        words: int, number of their different words.
        share: float, of the text that consists of these words.
    """

    known: int
    words: int
    share: float

    def __str__(self):
        return f"{self.known:,} of {counted(self.words, 'word')}, {100 * self.share:.0f} % of the text"


def cover(counts, known):
    """Computes how much a vocabulary covers.

    Args:
        counts: {word: frequency}, not empty.
        known: collection of str, the words of the vocabulary.

    Returns:
        `Coverage`.

    Example:
        >>> from aac_tf.text.standardization import count_words
        >>> from aac_tf.training.forecast import cover
        >>> str(cover(count_words(["a dog", "a cat", "a dog"]), {"a", "dog"}))
        '2 of 3 words, 83 % of the text'
    """
    share = sum(count for word, count in counts.items() if word in known) / sum(counts.values())
    return Coverage(sum(word in known for word in counts), len(counts), share)


def describe_vocabulary(captions, known, min_count):
    """Says how many of the words a model will know, and warns if they are too few.

    Args:
        captions: list of str, the training captions.
        known: collection of str, the words that it will know.
        min_count: int, `vocabulary.min_count`.

    Returns:
        list of str, one or two lines.

    Example:
        >>> from aac_tf.training.forecast import describe_vocabulary
        >>> describe_vocabulary(["a dog", "a cat", "a dog"], {"a", "dog"}, 2)[0]
        'vocabulary: 2 of 3 words, 83 % of the text (min_count=2)'
    """
    counts = count_words(captions)
    coverage = cover(counts, known)
    lines = [f"vocabulary: {coverage} (min_count={min_count})"]
    if coverage.share < ENOUGH_WORDS and min_count > 1:
        shares = {
            least: cover(counts, {word for word, count in counts.items() if count >= least}).share
            for least in range(1, min_count)
        }
        enough = max((least for least, share in shares.items() if share >= 0.9), default=1)
        lines.append(
            f"warning: the captions will be poor, as the model will not know the other words: set "
            f"vocabulary.min_count={enough}"
        )
    return lines


def estimate_memory(model, rows, captions, words, frames):
    """Estimates the memory that training takes on a CPU, in bytes, without the clips that are kept in memory.

    Args:
        model: `CaptioningModel`.
        rows: int, clips in a batch.
        captions: int, captions of each of them.
        words: int, words of the longest caption.
        frames: int, frames of the longest clip.
    """
    frames = frames if model.embedder is None else model.embedder.output_length(frames)
    steps = model.encoder.output_length(frames)
    floats = model.encoder.training_floats(rows, frames) + model.decoder.training_floats(rows * captions, words, steps)
    # Weights, their gradients and Adam's two averages.
    return _LIBRARIES + 4 * (floats + 4 * model.count_params())


def describe_memory(needed, available, rows):
    """Says how much memory training takes, and what to change if it does not fit.

    Args:
        needed: float, bytes of a training step.
        available: float, bytes; None if they are unknown.
        rows: int, clips that are in memory at a time: `training.microbatch` or `training.batch_size`.

    Returns:
        list of str, one or two lines.

    Example:
        >>> from aac_tf.training.forecast import describe_memory
        >>> describe_memory(9e9, 5e9, 32)[0]
        'memory: about 9.0 GB for the longest clips, 5.0 GB are available'
    """
    free = "" if available is None else f", {available / 1e9:.1f} GB are available"
    lines = [f"memory: about {needed / 1e9:.1f} GB for the longest clips{free}"]
    if available is not None and needed > available:
        fitting = int(rows * max(0.0, 0.9 * available - _LIBRARIES) / (needed - _LIBRARIES))
        smaller = f"training.microbatch={fitting}, " if fitting else ""
        lines.append(
            f"warning: this may not fit, and the system may then kill the process: set {smaller}encoder.subsampling=4 "
            "or data.captions_per_clip=one, or leave out long clips with data.max_seconds=15"
        )
    return lines


def available_memory():
    """Bytes that this process can still take, as far as the system tells; None if it does not (on Linux it does)."""
    try:
        lines = pathlib.Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return None
    try:  # the limit of a container
        limit, used = (
            int(pathlib.Path("/sys/fs/cgroup", name).read_text()) for name in ("memory.max", "memory.current")
        )
    except (OSError, ValueError):
        return free
    return min(free, limit - used)


class Pace(tf.keras.callbacks.Callback):
    """Says how long training will take, once its first steps are measured.

    Args:
        steps: int, steps per epoch.
        epochs: int, epochs still to train.
        show: function that prints a line of text.
        seconds: float, seconds to measure.
    """

    def __init__(self, steps, epochs, show, seconds=10.0):
        super().__init__()
        self._total, self._epochs, self._show, self._seconds = steps, epochs, show, seconds
        self._began, self._now, self._measured = None, None, 0
        # Otherwise Keras fetches the loss of every step for this callback, and the device waits for it.
        self._supports_tf_logs = True

    def on_train_batch_end(self, batch, logs=None):
        """Measures the step; the first one, which compiles the model, does not count."""
        if self._show is None:
            return
        self._now = time.monotonic()
        if self._began is None:
            self._began = self._now
            return
        self._measured += 1
        if self._now - self._began >= self._seconds:
            self._say()

    def on_epoch_end(self, epoch, logs=None):
        """Reports the pace if the epoch was shorter than the time to measure."""
        if self._show is not None and self._measured:
            self._say()

    def _say(self):
        epoch = (self._now - self._began) / self._measured * self._total
        about = f"{_duration(epoch)} per epoch"
        if self._epochs > 1:
            about += f" and {_duration(epoch * self._epochs)} for {self._epochs}"
        self._show(f"time: about {about}, without validation; training.epochs=... sets their number")
        self._show = None


def _duration(seconds):
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
