"""Keras callbacks at the end of an epoch: validation captions, model selection and the training history."""

import csv
import io
import time
import warnings

import nltk.translate.bleu_score as nltk_bleu
import numpy as np
import tensorflow as tf

from aac_tf.text import standardize
from aac_tf.training.checkpoints import save_checkpoint
from aac_tf.training.errors import TrainingError


class ValidationCaptions(tf.keras.callbacks.Callback):
    """Captions the validation clips by greedy search and adds `val_bleu` (see `mean_bleu`) to the logs of the epoch.

    Args:
        search: function from a replica's batch, a dict, to the token ids `[rows, words]` of its captions.
        batches: distributed dataset of `clip_batches`.
        strategy: `tf.distribute.Strategy`.
        clips: `ClipList` of the same clips.
        tokenizer: `WordTokenizer`.
        samples: int, number of captions that `show_samples` shows.
        show: function that prints a line of text.
        score: optional function from captions, list of str, and their references, list of lists of str, to a dict of
            scores that are added to the logs, too.
    """

    def __init__(self, search, batches, strategy, clips, tokenizer, samples, show, score=None):
        super().__init__()
        self._batches = batches
        self._clips = clips
        self._tokenizer = tokenizer
        self._samples = samples
        self._show = show
        self._score = score
        self._shown = []
        self._references = [_words(clip.captions) for clip in clips]

        # Without the signature, each new batch shape would retrace.
        @tf.function(input_signature=[batches.element_spec], autograph=False)
        def caption(batch):
            found = strategy.run(lambda batch: (batch["clip"], search(batch)), args=(batch,))
            return tuple(strategy.gather(part, axis=0) for part in found)

        self._caption = caption

    def on_epoch_end(self, epoch, logs=None):
        """Scores the captions."""
        captions = [""] * len(self._clips)
        for batch in self._batches:
            clips, tokens = self._caption(batch)
            for index, text in zip(clips.numpy(), self._tokenizer.detokenize(tokens).numpy()):
                if index >= 0:
                    captions[index] = text.decode()
        logs["val_bleu"] = mean_bleu(self._references, [caption.split() for caption in captions])
        if self._score is not None:
            logs.update(self._score(captions, [list(clip.captions) for clip in self._clips]))
        self._shown = list(zip(self._clips.clips[: self._samples], captions))

    def show_samples(self):
        """Shows some captions of the last epoch, each with a reference."""
        for clip, caption in self._shown:
            self._show(f"  {clip.name}: {caption}   [{clip.captions[0]}]")


class ModelSelection(tf.keras.callbacks.Callback):
    """Keeps the best weights, reduces the learning rate on plateaus and stops training early.

    Unlike Keras' callbacks, it keeps its state in checkpoints, so that a resumed run continues with it.

    Args:
        state: `TrainingState`.
        best: `tf.train.CheckpointManager` of the best weights.
        monitor: str, name of the score in the logs.
        higher_is_better: bool.
        decimals: int, decimals that the score is rounded to before comparing; None does not round.
        lr_patience: int, epochs without improvement after which the learning rate is multiplied by `lr_factor`; None
            never reduces it.
        lr_factor: float.
        min_learning_rate: float.
        stop_patience: int, epochs without improvement after which training stops; None never stops early.
    """

    def __init__(
        self,
        state,
        best,
        monitor,
        higher_is_better,
        decimals=None,
        lr_patience=None,
        lr_factor=0.5,
        min_learning_rate=0.0,
        stop_patience=None,
    ):
        super().__init__()
        self._state = state
        self._best = best
        self._monitor = monitor
        self._sign = 1 if higher_is_better else -1
        self._decimals = decimals
        self._lr_patience = lr_patience
        self._lr_factor = lr_factor
        self._min_learning_rate = min_learning_rate
        self._stop_patience = stop_patience

    def on_epoch_end(self, epoch, logs=None):
        """Compares the epoch with the best one so far."""
        state, value = self._state, float(logs[self._monitor])
        if self._decimals is not None:
            value = round(value, self._decimals)
        if self._sign * value > self._sign * float(state.best):
            state.best.assign(value)
            state.since_best.assign(0)
            state.since_change.assign(0)
            save_checkpoint(self._best, epoch + 1)
            return
        state.since_best.assign_add(1)
        state.since_change.assign_add(1)
        if self._lr_patience is not None and int(state.since_change) >= self._lr_patience:
            rate = self.model.optimizer.learning_rate
            rate.assign(max(float(rate.numpy()) * self._lr_factor, self._min_learning_rate))
            state.since_change.assign(0)
        if self._stop_patience is not None and int(state.since_best) >= self._stop_patience:
            self.model.stop_training = True


class History(tf.keras.callbacks.Callback):
    """Writes one CSV row per epoch: losses, scores, learning rate and seconds.

    Args:
        run: `Run`.
        state: `TrainingState`. Rows of epochs that a resumed run repeats are dropped.

    Attributes:
        rows: list of dict, one for each epoch.
    """

    NAME = "history.csv"

    def __init__(self, run, state):
        super().__init__()
        self._run = run
        self.rows = [row for row in read_history(run) if int(row["epoch"]) <= int(state.epoch)]

    def on_epoch_begin(self, epoch, logs=None):
        """Records the start time."""
        self._began = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        """Adds the row of the epoch.

        Raises:
            TrainingError: if the loss is not finite; the best weights of earlier epochs are kept.
        """
        if not np.isfinite(logs["loss"]):
            raise TrainingError(
                f"the loss became {logs['loss']} in epoch {epoch + 1}: start another run (--run FOLDER) with a lower "
                "training.learning_rate or with training.clip_norm=1; the best weights of earlier epochs are kept"
            )
        logs["learning_rate"] = float(self.model.optimizer.learning_rate.numpy())
        seconds = round(time.monotonic() - self._began, 2)
        self.rows.append({"epoch": epoch + 1, **{key: float(value) for key, value in logs.items()}, "seconds": seconds})
        text = io.StringIO()
        writer = csv.DictWriter(text, list(self.rows[-1]), extrasaction="ignore")
        writer.writeheader()
        writer.writerows(self.rows)
        self._run.write_text(self.NAME, text.getvalue())


def read_history(run):
    """Reads the rows of a run's training history, a list of dict; empty if there is none."""
    path = run.folder / History.NAME
    return list(csv.DictReader(path.read_text().splitlines())) if path.is_file() else []


def mean_bleu(references, hypotheses):
    """Computes the mean of corpus BLEU-1 to BLEU-4 with NLTK.

    BLEU-4 alone is zero during the first epochs, which would count as a plateau.

    Args:
        references: list with, for each item, a list of references, each a list of words.
        hypotheses: list with, for each item, a list of words.

    Returns:
        float from 0 to 1.

    Example:
        >>> from aac_tf.training.callbacks import mean_bleu
        >>> mean_bleu([[["a", "dog", "barks", "twice"]]], [["a", "dog", "barks", "twice"]])
        1.0

    Reference:
        Papineni et al., BLEU: a method for automatic evaluation of machine translation, ACL 2002.
    """
    weights = [(1 / n,) * n for n in range(1, 5)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NLTK warns of n-gram orders without matches, which are common in early epochs
        return float(np.mean(nltk_bleu.corpus_bleu(references, hypotheses, weights)))


def _words(captions):
    return [text.decode().split() for text in standardize(tf.constant(captions)).numpy()]
