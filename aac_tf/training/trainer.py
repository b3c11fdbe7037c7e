"""Config to trained run."""

import dataclasses

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
from aac_tf.config import ConfigError, flat
from aac_tf.data.features import feature_statistics
from aac_tf.data.pipeline import clip_batches, make_examples, steps_per_epoch, training_batches, validation_batches
from aac_tf.run import RunError
from aac_tf.training.callbacks import History, Judge, LastCheckpoint, TrainingState, ValidationCaptions
from aac_tf.training.word_weights import rarity_weights

# What may differ when a run is resumed: how long, where the data lie, and what only changes speed or display.
RESUMABLE = {
    "name",
    "data.root",
    "data.cache",
    "data.embedding_folder",
    "training.epochs",
    "training.stop_patience",
    "training.samples",
}


@dataclasses.dataclass
class Split:
    """A split made ready: its usable clips, their features, their tokenized captions and its batches' boundaries."""

    clips: object
    features: object
    examples: object
    boundaries: list


def train(config, run, resume=False, report=None, callbacks=()):
    """Trains a captioner.

    Args:
        config: `Config`.
        run: `Run`, the folder that everything is written to.
        resume: bool, whether to go on where the run in that folder stopped.
        report: optional object with the methods of `Report`, such as `aac_tf.cli.console.Console`.
        callbacks: further Keras callbacks, such as `aac_tf.evaluation.board.CaptionBoard`.
        callbacks: further Keras callbacks, such as `aac_tf.evaluation.board.CaptionBoard`.

    Returns:
        The rows of the run's history, a list of dicts.

    Raises:
        ConfigError, DatasetError, RunError: where the config, the data or the folder do not allow it.
    """
    report = report or Report()
    _check_folder(config, run, resume)
    tf.keras.utils.set_random_seed(config.seed)
    make_scenes(config, report.progress("Composing scenes"))
    tokenizer = run.tokenizer(config) if resume else build_tokenizer(config)
    embedder = build_embedder(config)
    stored = None if config.data.stored_views() is None else embedder
    training = _split(config, "train", tokenizer, stored, report)
    validation = _split(config, "validation", tokenizer, stored, report)
    if validation is None and config.training.monitor != "loss":
        raise ConfigError(
            f"training.monitor={config.training.monitor} needs validation clips, and the dataset has none: set "
            "data.validation_fraction=0.1 to hold some out, or training.monitor=loss"
        )
    normalization = run.normalization() if resume else None
    if config.audio.normalize and normalization is None:
        normalization = feature_statistics(training.features)
    model = build_model(
        config,
        tokenizer.vocabulary_size(),
        normalization,
        embedder=embedder if stored is None else None,
        bins=training.features.bins,
    )
    model.compile(
        optimizer=tf.keras.optimizers.Adam(config.training.learning_rate, global_clipnorm=config.training.clip_norm),
        loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[],
    )
    model.optimizer.build(model.trainable_variables)
    state = TrainingState(higher_is_better=config.training.monitor == "val_bleu")
    checkpoint = tf.train.Checkpoint(model=model, optimizer=model.optimizer, state=state)
    last = tf.train.CheckpointManager(checkpoint, str(run.last), max_to_keep=2)
    if not resume:
        run.create(config, tokenizer, normalization)
    elif last.latest_checkpoint:
        checkpoint.restore(last.latest_checkpoint).assert_consumed()
    return _fit(config, run, model, tokenizer, training, validation, state, last, report, callbacks)


class Report:
    """Where training tells how it goes; this one is silent."""

    interactive = False

    def progress(self, what):
        """No progress."""

    def show(self, text):
        """Shows nothing."""

    def left_out(self, split, clips):
        """Says nothing of clips that were left out."""


def _check_folder(config, run, resume):
    if not resume and tf.train.latest_checkpoint(str(run.last)):
        raise RunError(f"{run.folder} already holds a run: add --resume to go on with it, or name another with --run")
    if not resume:
        return
    before, now = flat(run.config()), flat(config)
    changed = [key for key in now if now[key] != before[key] and key not in RESUMABLE]
    if changed:
        key = changed[0]
        raise RunError(
            f"{run.folder} was begun with {key}={before[key]}, now it is {now[key]}"
            + (f" (and {len(changed) - 1} more keys differ)" if changed[1:] else "")
            + ": resume with the run's own config, or train into another folder with --run"
        )


def _split(config, name, tokenizer, stored, report):
    clips = build_clips(config, name)
    if clips is None:
        return None
    clips, features = build_features(config, clips, stored, name == "train", report.progress)
    report.left_out(name, clips)
    captions_per_clip = config.data.captions_per_clip if name == "train" else "all"
    examples = make_examples(clips, tokenizer, captions_per_clip)
    return Split(clips, features, examples, build_boundaries(config, features, stored))


def _word_weights(config, examples, vocabulary_size):
    if config.training.word_weights == "none":
        return None
    return rarity_weights(examples.tokens, examples.words, vocabulary_size, config.training.word_weight_floor)


def _fit(config, run, model, tokenizer, training, validation, state, last, report, callbacks):
    options = config.training
    word_weights = _word_weights(config, training.examples, tokenizer.vocabulary_size())
    begun = int(state.epoch)
    batches = training_batches(
        training.examples,
        training.features,
        training.boundaries,
        options.batch_size,
        word_weights=word_weights,
        seed=config.seed,
        draw=build_draw(config, training.features, run.normalization()),
        fixed_shapes=config.data.padding == "bucket",
        first_epoch=begun,
    )
    best = tf.train.CheckpointManager(tf.train.Checkpoint(model=model), str(run.best), max_to_keep=1)
    history = History(run, state)
    own = [
        history,
        Judge(
            state,
            best,
            options.monitor,
            higher_is_better=options.monitor == "val_bleu",
            decimals=options.monitor_decimals,
            lr_patience=options.lr_patience,
            lr_factor=options.lr_factor,
            min_learning_rate=options.min_learning_rate,
            stop_patience=options.stop_patience,
        ),
        tf.keras.callbacks.TensorBoard(run.folder / "tensorboard", write_graph=False),
        LastCheckpoint(state, last),
    ]
    validation_data = None
    if validation is not None:
        validation_data = validation_batches(validation.examples, validation.features, options.batch_size, word_weights)
        encode = build_encode(config, model, validation.features.bins)
        search = build_search(config, model, tokenizer, beam_size=1)
        captions = ValidationCaptions(
            lambda features, length: search(*encode(features, length)),
            clip_batches(validation.features, options.batch_size),
            validation.clips,
            tokenizer,
            options.samples,
            report.show,
        )
        own.insert(0, captions)
    model.fit(
        batches,
        initial_epoch=begun,
        epochs=options.epochs,
        steps_per_epoch=steps_per_epoch(training.examples, training.features, training.boundaries, options.batch_size),
        validation_data=validation_data,
        callbacks=[*own, *callbacks],
        verbose=1 if report.interactive else 2,
    )
    return history.rows
