"""Training of a captioner."""

import contextlib
import functools
import tempfile

import tensorflow as tf

from aac_tf.build import build_frozen_encoder, build_model, build_word_weights
from aac_tf.build_dataset import build_dataset
from aac_tf.config import ConfigError
from aac_tf.data.features import feature_statistics
from aac_tf.data.pipeline import clip_batches, steps_per_epoch, training_batches, validation_batches
from aac_tf.data.preparation import (
    build_regularization,
    fit_tokenizer,
    prepare_dataset,
    prepare_split,
    read_clips,
    training_draw,
)
from aac_tf.decoding import Greedy
from aac_tf.inference.graphs import encode_function, search_function
from aac_tf.models.loss import CaptionCrossentropy
from aac_tf.models.microbatches import Microbatches
from aac_tf.runs import Run
from aac_tf.runs.card import initial_card, make_card
from aac_tf.runs.initial import check_architecture, open_initial
from aac_tf.runs.licences import describe_initial_licences
from aac_tf.runs.network import network_origin
from aac_tf.runs.resume import check_data, check_folder, summarize
from aac_tf.training.averages import with_averages
from aac_tf.training.callbacks import History, ModelSelection, ValidationCaptions, read_history
from aac_tf.training.checkpoints import LastCheckpoint, TrainingState, read_progress
from aac_tf.training.errors import TrainingError
from aac_tf.training.forecast import Pace, available_memory, describe_memory, describe_vocabulary, estimate_memory
from aac_tf.training.initial import extend_vocabulary, load_initial
from aac_tf.training.kept_epochs import KeptEpochs
from aac_tf.training.monitors import check_monitor, score_validation
from aac_tf.training.optimizer import build_optimizer
from aac_tf.training.schedule import LearningRate
from aac_tf.training.self_critical import build_self_critical, clip_references
from aac_tf.training.strategy import build_strategy, is_chief, is_multiworker
from aac_tf.utils.interruption import Interruption


def train(config, run, resume=False, report=None, callbacks=()):
    """Trains a captioner.

    If several workers train together, each calls this function. The first one writes the run folder, which all must be
    able to read.

    Args:
        config: `Config`.
        run: `Run`, the folder to write.
        resume: bool, whether to continue the interrupted run in that folder.
        report: optional object with the methods of `Report`, such as `aac_tf.cli.console.Console`.
        callbacks: additional Keras callbacks, such as `aac_tf.evaluation.board.CaptionBoard`.

    Returns:
        list of dict, the rows of the training history.

    Raises:
        ConfigError: if the config does not fit the data or the hardware.
        DatasetError: if the data cannot be used.
        RunError: if the folder holds another run, or the run cannot be resumed with this config and data.
        TrainingError: if training cannot continue; earlier checkpoints are kept.
        Interrupted: if SIGTERM or Ctrl-C stopped training; its progress is saved unless several workers train.
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
        if resume and _is_finished(config, run):
            report.show(f"{run.folder} is trained to its end; training.epochs=... with a higher number continues it")
            return read_history(run)
        try:
            rows = _Trainer(config, run, written, resume, report, strategy).fit(callbacks)
            written.upload()  # what callbacks wrote after the last checkpoint
            return rows
        except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError) as error:
            if not is_multiworker(strategy):
                raise
            raise TrainingError(
                "lost contact with another worker; the last checkpoint is intact: restart all workers with --resume "
                f"({' '.join(error.message.split())[:200]})"
            ) from error


def compile_model(model, options):
    """Compiles a model for training, within the scope of its strategy; returns its optimizer.

    Args:
        model: built `CaptioningModel`.
        options: `TrainingConfig`.
    """
    optimizer = build_optimizer(options, model)
    model.microbatches = Microbatches(options.microbatch) if options.microbatch else None
    model.compile(optimizer=optimizer, loss=CaptionCrossentropy(), weighted_metrics=[], jit_compile=options.xla)
    return optimizer


def _is_finished(config, run):
    """Whether all epochs of a run are done, or it has stopped early."""
    progress, options = read_progress(run), config.training
    stopped = options.stop_patience is not None and progress["since_best"] >= options.stop_patience
    return progress["step"] == 0 and (progress["epoch"] >= options.epochs or stopped)


class Report:
    """Receives progress and messages of training; this base class discards them."""

    interactive = False

    def progress(self, what):
        """Returns a function `(done, total)` that shows the progress of a task, or None."""

    def show(self, text):
        """Shows a line of text."""

    def left_out(self, split, clips):
        """Reports the skipped clips of a `ClipList`."""


class _Trainer:
    """A training run: its data, model and state."""

    def __init__(self, config, run, written, resume, report, strategy):
        self.config, self.run, self.written, self.report, self.strategy = config, run, written, report, strategy
        options = config.training
        self.monitor = check_monitor(options.monitor)
        tf.keras.utils.set_random_seed(config.seed)
        self.initial = None if resume else self._open_initial()
        prepare_dataset(config, report.progress)
        self.tokenizer = run.tokenizer(config) if resume else self._fit_tokenizer()
        embedder = build_frozen_encoder(config, network_origin(run, config) if resume else None)
        network = None if embedder is None else embedder.fingerprint()
        if resume:
            run.check_network(network)  # before all clips are embedded
        if self.initial is not None:
            self.initial.check_network(network)
        stored = None if config.data.stored_views() is None else embedder
        self.training = self._split("train", stored)
        self.validation = self._split("validation", stored)
        if self.validation is None and options.monitor.startswith("val_"):
            raise ConfigError(
                f"training.monitor={options.monitor} needs validation clips, and the dataset has none: set "
                "data.validation_fraction=0.1 to hold some out, or training.monitor=loss"
            )
        if self.validation is not None:
            # What cannot be computed is found out before an epoch is trained.
            trial = [list(clip.captions) for clip in self.validation.clips.clips[:2]]
            score_validation(self.monitor, [captions[0] for captions in trial], trial)
        data = {name: summarize(split) for name, split in (("train", self.training), ("validation", self.validation))}
        if resume:
            check_data(run, data)
        source = run if resume else self.initial
        unstored = embedder if stored is None else None
        self.normalization = None if source is None else source.normalization()
        if config.normalizes and self.normalization is None:
            self.normalization = feature_statistics(self.training.features, unstored)
        with strategy.scope():
            self.model = build_model(
                config,
                self.tokenizer.vocabulary_size(),
                self.normalization,
                embedder=unstored,
                bins=self.training.features.bins,
                precision=options.precision,
            )
            if self.initial is not None:
                bins = self.training.features.bins
                load_initial(self.model, config, self.initial, self.initial.tokenizer(config), bins)
            optimizer = compile_model(self.model, options)
        self.references = None
        if options.self_critical:
            self.references = clip_references(self.training.clips, self.tokenizer)
            self.model.self_critical = build_self_critical(options, self.tokenizer, self.references)
        self.state = TrainingState(self.monitor.higher_is_better)
        checkpoint = tf.train.Checkpoint(model=self.model, optimizer=optimizer, state=self.state)
        self.last = tf.train.CheckpointManager(checkpoint, str(written.last), max_to_keep=2)
        self.best = tf.train.CheckpointManager(tf.train.Checkpoint(model=self.model), str(written.best), max_to_keep=1)
        if not resume:
            words = self.tokenizer.vocabulary_size() - len(self.tokenizer.special_ids) - 1
            card = make_card(config, build_dataset(config), self.training.clips, words, self.initial)
            origin = None if embedder is None else embedder.origin
            written.create(config, self.tokenizer, self.normalization, data, network, card, origin)
        elif tf.train.latest_checkpoint(str(run.last)):
            checkpoint.restore(tf.train.latest_checkpoint(str(run.last))).assert_consumed()
            written.write_calibration(None)  # of weights that may change

    def fit(self, callbacks):
        """Trains and returns the rows of the history."""
        options, examples = self.config.training, self.training.examples
        steps = steps_per_epoch(examples, self.training.features, self.training.boundaries, options.batch_size)
        history = History(self.written, self.state)
        self._show_memory()
        validation = None if self.validation is None else self._validation_batches()
        with contextlib.ExitStack() as stack:
            alone = not is_multiworker(self.strategy)
            # Not for several workers, which would have to stop at the same step.
            interruption = stack.enter_context(Interruption()) if alone else None
            rate = LearningRate(options, self.state, steps)
            jump = rate.describe_resumed(float(self.model.optimizer.learning_rate.numpy()))
            if jump:
                self.report.show(jump)
            own = [
                rate,
                history,
                ModelSelection(
                    self.state,
                    self.best,
                    options.monitor,
                    self.monitor.higher_is_better,
                    decimals=options.monitor_decimals,
                    lr_patience=options.lr_patience if options.schedule == "plateau" else None,
                    lr_factor=options.lr_factor,
                    min_learning_rate=options.min_learning_rate,
                    stop_patience=options.stop_patience,
                ),
                tf.keras.callbacks.TensorBoard(self.written.folder / "tensorboard", write_graph=False),
            ]
            if options.keep_epochs:
                own.append(KeptEpochs(self.written, self.model, history, options))
            last = LastCheckpoint(
                self.state,
                self.last,
                steps,
                options.save_minutes if alone else None,
                interruption,
                saved=self.written.upload,
            )
            shown = [
                tf.keras.callbacks.ProgbarLogger("steps"),
                Pace(steps, options.epochs - int(self.state.epoch), self._show_apart),
            ]
            if validation is not None:
                captions = self._captions()
                own.insert(0, captions)
                # After the progress bar has ended its line.
                shown.append(tf.keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: captions.show_samples()))
            if options.ema:
                own, callbacks = with_averages(self.model, own, callbacks)
            # For Keras, the rest of an interrupted epoch is an epoch of its own.
            epoch, step = int(self.state.epoch), int(self.state.step)
            rest = [(epoch, epoch + 1, step), (epoch + 1, options.epochs, 0)] if step else [(epoch, options.epochs, 0)]
            for first_epoch, end_epoch, first_step in rest:
                self.model.fit(
                    self._training_batches(first_epoch, first_step),
                    initial_epoch=first_epoch,
                    epochs=end_epoch,
                    steps_per_epoch=steps - first_step,
                    validation_data=validation,
                    validation_steps=validation and -(-len(self.validation.examples) // options.batch_size),
                    callbacks=[*own, last, *callbacks, *shown],
                    verbose=(1 if self.report.interactive else 2) if is_chief(self.strategy) else 0,
                )
                if self.model.stop_training:
                    break
        return history.rows

    def _open_initial(self):
        """The run that training starts from, before the work that would be lost if it does not fit."""
        run = open_initial(self.config)
        if run is not None:
            check_architecture(self.config, run)
            for line in describe_initial_licences({"initial": initial_card(self.config.training.initial, run)}):
                self.report.show(line)
        return run

    def _fit_tokenizer(self):
        tokenizer = fit_tokenizer(self.config)
        captions = [
            caption for clip in read_clips(self.config, "train", audio_needed=False) for caption in clip.captions
        ]
        if self.initial is not None:
            tokenizer = extend_vocabulary(self.initial.tokenizer(self.config), tokenizer)
        for line in describe_vocabulary(captions, set(tokenizer.get_vocabulary()), self.config.vocabulary.min_count):
            self.report.show(line)
        return tokenizer

    def _show_memory(self):
        tokens, batch_size = self.training.examples.tokens, self.config.training.batch_size
        captions, frames = 1 if tokens.ndim == 2 else tokens.shape[1], int(max(self.training.features.lengths))
        rows = min(self.config.training.microbatch or batch_size, batch_size, len(self.training.examples))
        captions += self.config.training.self_critical_samples if self.references is not None else 0
        needed = estimate_memory(self.model, rows, captions, int(self.training.examples.words.max()), frames)
        on_cpu = not any(tf.config.list_physical_devices(kind) for kind in ("GPU", "TPU"))
        for line in describe_memory(needed, available_memory() if on_cpu else None, rows):
            self.report.show(line)

    def _show_apart(self, text):
        """Shows a line while a progress bar may be in the middle of its own."""
        self.report.show(f"\n{text}" if self.report.interactive else text)

    def _split(self, name, stored):
        split = prepare_split(self.config, name, self.tokenizer, stored, self.report.progress)
        if split is not None:
            self.report.left_out(name, split.clips)
        return split

    def _word_weights(self):
        return build_word_weights(self.config, self.training.examples, self.tokenizer.vocabulary_size())

    def _distributed(self, batches, split, **arguments):
        """Distributes the batches of a function of `aac_tf.data.pipeline` over the replicas."""
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
            draw=training_draw(self.config, self.training.features, self.normalization),
            first_epoch=epoch,
            first_step=step,
            style_dropout=self.config.vocabulary.style_dropout if self.tokenizer.styles else 0.0,
            start_id=self.tokenizer.start_id,
            regularization=build_regularization(self.config, self.tokenizer),
            references=self.references,
        )

    def _validation_batches(self):
        weights = self._word_weights()
        return self._distributed(
            validation_batches, self.validation, examples=self.validation.examples, word_weights=weights
        )

    def _captions(self):
        encode = encode_function(self.model, self.validation.features.bins)
        search = search_function(self.model, self.tokenizer, Greedy())
        styles = [self.tokenizer.known_style(clip.style) for clip in self.validation.clips]
        starts = tf.constant([self.tokenizer.style_id(style) for style in styles])

        def captions(batch):
            start = tf.gather(starts, tf.maximum(batch["clip"], 0))
            return search(*encode(batch["features"], batch["length"]), start=start).tokens[:, 0]

        return ValidationCaptions(
            captions,
            self._distributed(clip_batches, self.validation),
            self.strategy,
            self.validation.clips,
            self.tokenizer,
            self.config.training.samples,
            self.report.show,
            functools.partial(score_validation, self.monitor),
        )
