"""Config to trained run."""

import contextlib
import dataclasses
import tempfile

import tensorflow as tf

from aac_tf.build import (
    build_boundaries,
    build_clips,
    build_draw,
    build_embedder,
    build_encode,
    build_features,
    build_model,
    build_search,
    build_tokenizer,
    make_scenes,
)
from aac_tf.config import ConfigError
from aac_tf.data.features import feature_statistics
from aac_tf.data.pipeline import clip_batches, make_examples, steps_per_epoch, training_batches, validation_batches
from aac_tf.embeddings.fingerprint import fingerprint
from aac_tf.runs.resume import check_data, check_folder, summarize
from aac_tf.runs.run import Run
from aac_tf.training.callbacks import History, Judge, ValidationCaptions
from aac_tf.training.checkpoints import LastCheckpoint, TrainingState
from aac_tf.training.errors import TrainingError
from aac_tf.training.interruption import Interruption
from aac_tf.training.strategy import build_strategy, is_chief, is_multiworker
from aac_tf.training.word_weights import rarity_weights


@dataclasses.dataclass
class Split:
    """A split made ready: its usable clips, their features, their tokenized captions and its batches' boundaries."""

    clips: object
    features: object
    examples: object
    boundaries: list


def train(config, run, resume=False, report=None, callbacks=()):
    """Trains a captioner.

    Of several workers that train together each calls this; the first of them writes the run folder, which all must be
    able to read.

    Args:
        config: `Config`.
        run: `Run`, the folder that everything is written to.
        resume: bool, whether to go on where the run in that folder stopped.
        report: optional object with the methods of `Report`, such as `aac_tf.cli.console.Console`.
        callbacks: further Keras callbacks, such as `aac_tf.evaluation.board.CaptionBoard`.

    Returns:
        The rows of the run's history, a list of dicts.

    Raises:
        ConfigError, DatasetError, RunError: where the config, the data or the folder do not allow it.
        TrainingError: if training cannot go on; what was saved before is still there.
        Interrupted: if SIGTERM or Ctrl-C ended it; what was trained is saved, unless several workers train.
    """
    report = report or Report()
    strategy = build_strategy(config.training.strategy)
    with contextlib.ExitStack() as stack:
        if is_chief(strategy):
            stack.enter_context(run.locked())
            written = run
        else:
            report, callbacks = Report(), ()
            written = Run(stack.enter_context(tempfile.TemporaryDirectory()))
        check_folder(config, run, resume)
        try:
            return _Trainer(config, run, written, resume, report, strategy).fit(callbacks)
        except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError) as error:
            if not is_multiworker(strategy):
                raise
            raise TrainingError(
                "another worker does not answer any more; what was saved before is still there: start all workers "
                f"again with --resume ({' '.join(error.message.split())[:200]})"
            ) from error


class Report:
    """Where training tells how it goes; this one is silent."""

    interactive = False

    def progress(self, what):
        """No progress."""

    def show(self, text):
        """Shows nothing."""

    def left_out(self, split, clips):
        """Says nothing of clips that were left out."""


class _Trainer:
    """A run made ready: its data, its model, its state."""

    def __init__(self, config, run, written, resume, report, strategy):
        self.config, self.run, self.written, self.report, self.strategy = config, run, written, report, strategy
        options = config.training
        tf.keras.utils.set_random_seed(config.seed)
        make_scenes(config, report.progress)
        self.tokenizer = run.tokenizer(config) if resume else build_tokenizer(config)
        embedder = build_embedder(config)
        network = None if embedder is None else fingerprint(embedder)
        if resume:
            run.check_network(network)  # before it embeds all clips
        stored = None if config.data.stored_views() is None else embedder
        self.training = self._split("train", stored)
        self.validation = self._split("validation", stored)
        if self.validation is None and options.monitor != "loss":
            raise ConfigError(
                f"training.monitor={options.monitor} needs validation clips, and the dataset has none: set "
                "data.validation_fraction=0.1 to hold some out, or training.monitor=loss"
            )
        data = {name: summarize(split) for name, split in (("train", self.training), ("validation", self.validation))}
        if resume:
            check_data(run, data)
        self.normalization = run.normalization() if resume else None
        if config.audio.normalize and self.normalization is None:
            self.normalization = feature_statistics(self.training.features)
        with strategy.scope():
            self.model = build_model(
                config,
                self.tokenizer.vocabulary_size(),
                self.normalization,
                embedder=embedder if stored is None else None,
                bins=self.training.features.bins,
                precision=options.precision,
            )
            optimizer = tf.keras.optimizers.Adam(options.learning_rate, global_clipnorm=options.clip_norm)
            if options.precision == "float16":
                optimizer = tf.keras.mixed_precision.LossScaleOptimizer(optimizer)
            self.model.compile(
                optimizer=optimizer,
                loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                weighted_metrics=[],
                jit_compile=options.xla,
            )
            optimizer.build(self.model.trainable_variables)
        self.state = TrainingState(higher_is_better=options.monitor == "val_bleu")
        checkpoint = tf.train.Checkpoint(model=self.model, optimizer=optimizer, state=self.state)
        self.last = tf.train.CheckpointManager(checkpoint, str(written.last), max_to_keep=2)
        self.best = tf.train.CheckpointManager(tf.train.Checkpoint(model=self.model), str(written.best), max_to_keep=1)
        if not resume:
            written.create(config, self.tokenizer, self.normalization, data, network)
        elif tf.train.latest_checkpoint(str(run.last)):
            checkpoint.restore(tf.train.latest_checkpoint(str(run.last))).assert_consumed()

    def fit(self, callbacks):
        """Trains; returns the rows of the history."""
        options, examples = self.config.training, self.training.examples
        steps = steps_per_epoch(examples, self.training.features, self.training.boundaries, options.batch_size)
        history = History(self.written, self.state)
        validation = None if self.validation is None else self._validation_batches()
        with contextlib.ExitStack() as stack:
            alone = not is_multiworker(self.strategy)
            # Several workers would have to stop at the same step.
            interruption = stack.enter_context(Interruption()) if alone else None
            own = [
                history,
                Judge(
                    self.state,
                    self.best,
                    options.monitor,
                    higher_is_better=options.monitor == "val_bleu",
                    decimals=options.monitor_decimals,
                    lr_patience=options.lr_patience,
                    lr_factor=options.lr_factor,
                    min_learning_rate=options.min_learning_rate,
                    stop_patience=options.stop_patience,
                ),
                tf.keras.callbacks.TensorBoard(self.written.folder / "tensorboard", write_graph=False),
                LastCheckpoint(self.state, self.last, steps, options.save_minutes if alone else None, interruption),
            ]
            if validation is not None:
                own.insert(0, self._captions())
            # The rest of an epoch that was interrupted is an epoch of its own for Keras.
            begun, taken = int(self.state.epoch), int(self.state.step)
            if options.stop_patience is not None and not taken and int(self.state.since_best) >= options.stop_patience:
                return history.rows  # it had ended
            for first, end, step in (
                ((begun, begun + 1, taken), (begun + 1, options.epochs, 0)) if taken else ((begun, options.epochs, 0),)
            ):
                self.model.fit(
                    self._training_batches(first, step),
                    initial_epoch=first,
                    epochs=end,
                    steps_per_epoch=steps - step,
                    validation_data=validation,
                    validation_steps=validation and -(-len(self.validation.examples) // options.batch_size),
                    callbacks=[*own, *callbacks],
                    verbose=(1 if self.report.interactive else 2) if is_chief(self.strategy) else 0,
                )
                if self.model.stop_training:
                    break
        return history.rows

    def _split(self, name, stored):
        config = self.config
        clips = build_clips(config, name)
        if clips is None:
            return None
        clips, features = build_features(config, clips, stored, name == "train", self.report.progress)
        self.report.left_out(name, clips)
        captions_per_clip = config.data.captions_per_clip if name == "train" else "all"
        examples = make_examples(clips, self.tokenizer, captions_per_clip)
        return Split(clips, features, examples, build_boundaries(config, features, stored))

    def _word_weights(self):
        options, examples = self.config.training, self.training.examples
        if options.word_weights == "none":
            return None
        size = self.tokenizer.vocabulary_size()
        return rarity_weights(examples.tokens, examples.words, size, options.word_weight_floor)

    def _distributed(self, batches, split, **arguments):
        """Every replica's share of the batches of a function of `aac_tf.data.pipeline`."""
        shapes = {"boundaries": split.boundaries, "static_shapes": self.config.data.static_shapes}
        return self.strategy.distribute_datasets_from_function(
            lambda context: batches(
                features=split.features,
                batch_size=self.config.training.batch_size,
                context=context,
                **shapes,
                **arguments,
            )
        )

    def _training_batches(self, epoch, step):
        return self._distributed(
            training_batches,
            self.training,
            examples=self.training.examples,
            word_weights=self._word_weights(),
            seed=self.config.seed,
            draw=build_draw(self.config, self.training.features, self.normalization),
            first_epoch=epoch,
            first_step=step,
        )

    def _validation_batches(self):
        weights = self._word_weights()
        return self._distributed(
            validation_batches, self.validation, examples=self.validation.examples, word_weights=weights
        )

    def _captions(self):
        encode = build_encode(self.config, self.model, self.validation.features.bins)
        search = build_search(self.config, self.model, self.tokenizer, beam_size=1)
        return ValidationCaptions(
            lambda batch: search(*encode(batch["features"], batch["length"])).tokens[:, 0],
            self._distributed(clip_batches, self.validation),
            self.strategy,
            self.validation.clips,
            self.tokenizer,
            self.config.training.samples,
            self.report.show,
        )
