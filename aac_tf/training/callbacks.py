"""What happens at the end of an epoch: captions are scored, progress is judged and written down."""

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
    """Captions the validation clips by greedy search and adds `val_bleu` (`mean_bleu`) to the epoch's logs.

    Args:
        search: function of a replica's batch, a dict, to the token ids `[rows, words]` of its captions.
        batches: distributed dataset of `clip_batches`.
        strategy: the `tf.distribute.Strategy`.
        clips: `ClipList` of the same clips.
        tokenizer: `WordTokenizer`.
        samples: int, captions shown.
        show: function that shows a line of text.
    """

    def __init__(self, search, batches, strategy, clips, tokenizer, samples, show):
        super().__init__()
        self._batches = batches
        self._clips = clips
        self._tokenizer = tokenizer
        self._samples = samples
        self._show = show
        self._references = [_words(clip.captions) for clip in clips]

        # Without the signature it would be traced for every shape of a batch.
        @tf.function(input_signature=[batches.element_spec], autograph=False)
        def caption(batch):
            found = strategy.run(lambda batch: (batch["clip"], search(batch)), args=(batch,))
            return tuple(strategy.gather(part, axis=0) for part in found)

        self._caption = caption

    def on_epoch_end(self, epoch, logs=None):
        """Scores and shows captions."""
        captions = [""] * len(self._clips)
        for batch in self._batches:
            clips, tokens = self._caption(batch)
            for index, text in zip(clips.numpy(), self._tokenizer.detokenize(tokens).numpy()):
                if index >= 0:
                    captions[index] = text.decode()
        logs["val_bleu"] = mean_bleu(self._references, [caption.split() for caption in captions])
        for clip, caption in zip(self._clips.clips[: self._samples], captions):
            self._show(f"  {clip.name}: {caption}   [{clip.captions[0]}]")


class Judge(tf.keras.callbacks.Callback):
    """Keeps the best weights, reduces the step size when progress stalls, and ends training when it is over.

    Args:
        state: `TrainingState`.
        best: `tf.train.CheckpointManager` for the best weights.
        monitor: name of the score in the logs.
        higher_is_better: bool.
        decimals: the score is rounded to so many decimals first; None compares it as it is.
        lr_patience: epochs without improvement after which the step size is multiplied by `lr_factor`; None: never.
        lr_factor: float.
        min_learning_rate: float.
        stop_patience: epochs without improvement after which training ends; None: never.
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
        """Compares the epoch with the best one."""
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
    """Writes a CSV row an epoch: losses, scores, step size, seconds.

    Args:
        run: `Run`.
        state: `TrainingState`; rows of epochs that a resumed run does again are dropped.
    """

    NAME = "history.csv"

    def __init__(self, run, state):
        super().__init__()
        self._run = run
        path = run.folder / self.NAME
        rows = list(csv.DictReader(path.open())) if path.is_file() else []
        self.rows = [row for row in rows if int(row["epoch"]) <= int(state.epoch)]

    def on_epoch_begin(self, epoch, logs=None):
        """Starts the clock."""
        self._began = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        """Adds the epoch's row.

        Raises:
            TrainingError: if the loss is not finite; the best weights are then those of an epoch before.
        """
        if not np.isfinite(logs["loss"]):
            raise TrainingError(
                f"the loss became {logs['loss']} in epoch {epoch + 1}: begin another run (--run FOLDER) with a lower "
                "training.learning_rate or with training.clip_norm=1; the best weights before it are still there"
            )
        logs["learning_rate"] = float(self.model.optimizer.learning_rate.numpy())
        seconds = round(time.monotonic() - self._began, 2)
        self.rows.append({"epoch": epoch + 1, **{key: float(value) for key, value in logs.items()}, "seconds": seconds})
        text = io.StringIO()
        writer = csv.DictWriter(text, list(self.rows[-1]), extrasaction="ignore")
        writer.writeheader()
        writer.writerows(self.rows)
        self._run.write_text(self.NAME, text.getvalue())


def mean_bleu(references, hypotheses):
    """Mean of the corpus BLEU-1 ... BLEU-4 of word lists (Papineni et al., 2002), by NLTK.

    BLEU-4 alone stays at zero through a model's first epochs, and a score that does not move counts as a stall.
    """
    weights = [(1 / n,) * n for n in range(1, 5)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NLTK warns of every n-gram order without a match, common in early epochs
        return float(np.mean(nltk_bleu.corpus_bleu(references, hypotheses, weights)))


def _words(captions):
    return [text.decode().split() for text in standardize(tf.constant(captions)).numpy()]
