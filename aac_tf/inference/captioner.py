"""The `Captioner`: captions sounds with a trained model."""

import itertools
import os

import tensorflow as tf

from aac_tf.audio import AudioError
from aac_tf.audio.waveforms import is_single
from aac_tf.build import build_constraints, build_frozen_encoder, build_model, build_search, build_spec
from aac_tf.decoding import Beam
from aac_tf.inference.caption import Alternative, make_caption
from aac_tf.inference.confidence import heard_sounds, read_calibration
from aac_tf.inference.ensemble import combine
from aac_tf.inference.front_end import FrontEnd
from aac_tf.inference.graphs import (
    attention_function,
    encode_function,
    hears_sounds,
    log_probs_function,
    score_function,
    search_function,
    step_seconds,
)
from aac_tf.inference.sounds import strongest_sounds
from aac_tf.inference.timeline import caption_timeline
from aac_tf.runs import Run
from aac_tf.runs.fetch import find_run
from aac_tf.runs.network import network_origin
from aac_tf.runs.presets import find_preset, preset_names
from aac_tf.utils.reading import bounded_batches, read_ahead

# Maximum number of frames in a batch, padding included: five minutes of log-mel frames at 44.1 kHz. A longer clip forms
# a batch of its own, so that short clips are not padded to its length.
BATCH_FRAMES = 26000
# Above this number of encoder steps, attention reads blocks of them: its hidden layer takes 1 kB a step and hypothesis.
LONG_STEPS = 60000
BLOCK_STEPS = 8192


class Captioner:
    """Captions sounds with a trained model.

    Args:
        model: `CaptioningModel` with trained weights, or `Ensemble` of several.
        tokenizer: `WordTokenizer`.
        config: `Config` of the run.
        calibration: `Calibration` of the run, for `Caption.confidence`; None if it was not calibrated.
        front_end: `JointFrontEnd` of an `Ensemble`; None makes the `FrontEnd` of the config.

    Attributes:
        spec: `SpectrogramSpec` of the model's input, at whose `sample_rate` the model hears sounds.
        search: `Search` that is used by default.
        constraints: `Constraints` on captions that are used by default.
        styles: list of str, names of the styles that the model was trained with.

    Example:
        >>> from aac_tf import Captioner
        >>> captioner = Captioner.load("runs/demo")  # doctest: +SKIP
        >>> captioner.caption(["dog.wav"], beam_size=3)[0].text  # doctest: +SKIP
        'a dog barks followed by a bell'
    """

    def __init__(self, model, tokenizer, config, calibration=None, front_end=None):
        self.model = model
        self.tokenizer = tokenizer
        self.config = config
        self.spec = build_spec(config)
        self.front_end = FrontEnd(self.spec) if front_end is None else front_end
        self.search = build_search(config)
        self.constraints = build_constraints(config)
        self.styles = list(tokenizer.styles)
        self._start = tokenizer.style_id(config.decoding.style)
        self._encode = encode_function(model, self.front_end.bins, hears_sounds(model))
        self._attentions = {}
        self._score = score_function(model, tokenizer)
        self._score_words = log_probs_function(model)
        self.calibration = calibration
        self._searches = {}
        self.timelines = {}  # compiled, by search and constraints
        self.rules()  # fails now, not at the first sound
        self._step_times = step_seconds(model, self.spec)

    @classmethod
    def load(cls, run, overrides=(), rerank=None):
        """Loads the best weights of a run, or of several runs that choose each word together.

        Args:
            run: path of a run folder that `train.py` or `aac-publish` wrote; name of a preset; `hf://USER/REPO`; or
                `https://...` of an archive (see `find_run`). A list of them is an ensemble: its runs have equal
                vocabularies, and each has its own front end, encoder and decoder.
            overrides: list of str `section.key=value`, for keys that a trained run can still change (see `Run.config`).
                Those of `decoding` apply to the first run, all others to all runs.
            rerank: another run, which helps to rank the captions that the search finds: their log-probability becomes
                `(1 - w) * first + w * second` with w = `decoding.rerank_weight`.

        Returns:
            `Captioner`.

        Raises:
            RunError: if the folder is not a run folder, has no weights yet, or was trained with another frozen encoder.
            ConfigError: if an override is invalid, or its key cannot change after training.
            StyleError: if the model does not have the style `decoding.style`.
            ConstraintError: if the model does not know a word of `decoding`, or no caption can follow its constraints.
            EnsembleError: if the runs cannot be combined.
            DownloadError: if a download fails.
        """
        runs = [run] if isinstance(run, (str, os.PathLike)) else list(run)
        others = [override for override in overrides if not override.startswith("decoding.")]
        members = [cls._load_one(one, others if index else overrides) for index, one in enumerate(runs)]
        second = None if rerank is None else cls._load_one(rerank, others)
        first = members[0]
        if len(members) == 1 and second is None:
            return first
        model, front_end = combine(members, second)
        return cls(model, first.tokenizer, first.config, front_end=front_end)

    @classmethod
    def _load_one(cls, run, overrides):
        run = Run(find_run(run))
        config = run.config(overrides)
        tokenizer = run.tokenizer(config)
        embedder = build_frozen_encoder(config, network_origin(run, config))
        run.check_network(None if embedder is None else embedder.fingerprint())
        model = build_model(
            config, tokenizer.vocabulary_size(), run.normalization(build_spec(config).num_bins), embedder
        )
        run.restore_best(model)
        return cls(model, tokenizer, config, read_calibration(run))

    @classmethod
    def from_preset(cls, name, overrides=()):
        """Loads a captioner that is installed with the package.

        Args:
            name: str, one of `presets()`.
            overrides: as for `load`.

        Returns:
            `Captioner`.

        Raises:
            RunError: if there is no such preset.
        """
        return cls.load(find_preset(name), overrides)

    @staticmethod
    def presets():
        """Returns the names that `from_preset` accepts, sorted."""
        return preset_names()

    def caption(
        self,
        paths_or_waveforms,
        beam_size=None,
        batch_size=16,
        search=None,
        sample_rate=None,
        style=None,
        constraints=None,
    ):
        """Captions sounds.

        Args:
            paths_or_waveforms: list of paths of sound files, or of waveforms: arrays, tensors or lists of numbers
                `[samples]`, `[samples, channels]` or `[channels, samples]`, where the longer axis is time. Floats have
                full scale at 1, integers are scaled by their type. A single item is accepted, too; an array is always
                a single item, and a batch is a list.
            beam_size: int, shorthand for `search=Beam(beam_size)`.
            batch_size: int, maximum number of clips in a batch.
            search: `Search`, such as `Sample(temperature=0.7)`; None takes that of the config.
            sample_rate: int, Hz, of the waveforms, which are resampled; None means `captioner.spec.sample_rate`. Files
                have their own.
            style: str, one of `captioner.styles`, or `none` for no style in particular; or a list with the style of
                each sound. None takes that of the config.
            constraints: `Constraints` on the captions, such as `Constraints(max_words=8)`; None takes those of the
                config.

        Returns:
            list of `Caption`, in the order of the input.

        Raises:
            AudioError: if a sound cannot be used. `caption_each` continues with the next sound instead.
            StyleError: if the model does not have the style.
            ConstraintError: if no caption of the model can follow the constraints.
        """
        captions = []
        for caption in self.caption_each(
            paths_or_waveforms, beam_size, batch_size, search, sample_rate, style, constraints
        ):
            if isinstance(caption, AudioError):
                raise caption
            captions.append(caption)
        return captions

    def caption_each(
        self,
        paths_or_waveforms,
        beam_size=None,
        batch_size=16,
        search=None,
        sample_rate=None,
        style=None,
        constraints=None,
    ):
        """Captions sounds one by one; arguments as for `caption`.

        Yields:
            `Caption` for each sound, in the order of the input, or an `AudioError` if the sound cannot be used.
        """
        find = self._compiled(self.search_for(beam_size, search), constraints)
        if is_single(paths_or_waveforms):
            paths_or_waveforms = [paths_or_waveforms]
        starts = self._starts(style, paths_or_waveforms)
        sounds = read_ahead(lambda sound: self._try_read(sound, sample_rate), paths_or_waveforms, ahead=2 * batch_size)
        for batch in bounded_batches(sounds, _frames, BATCH_FRAMES, batch_size):
            usable = [(sound, start) for sound, start in zip(batch, starts) if not isinstance(sound, AudioError)]
            captions = iter(self._caption_batch(usable, find) if usable else ())
            for sound in batch:
                yield sound if isinstance(sound, AudioError) else next(captions)

    def timeline(
        self, sound, beam_size=None, search=None, sample_rate=None, style=None, constraints=None, progress=None
    ):
        """Captions a sound of any length over time: what is heard, and when.

        Args:
            sound: path or waveform, as for `caption`.
            beam_size: as for `caption`.
            search: as for `caption`.
            sample_rate: as for `caption`.
            style: str, as for `caption`.
            constraints: as for `caption`.
            progress: optional function `(done, total)` of percents.

        Returns:
            list of `Segment`, from the start of the sound to its end without gaps; silence has an empty caption.

        Raises:
            TimelineError: if the captioner is an ensemble.
            AudioError: if the sound cannot be used.

        Example:
            >>> from aac_tf import Captioner
            >>> captioner = Captioner.from_preset("everyday")  # doctest: +SKIP
            >>> for segment in captioner.timeline("an_hour.flac"):  # doctest: +SKIP
            ...     print(f"{segment.begin:.1f} {segment.end:.1f} {segment.caption}")
            0.0 7.4 a dog barks
            7.4 9.0
        """
        search = self.search_for(beam_size, search)
        return caption_timeline(self, sound, search, sample_rate, style, constraints, progress)

    def start_id(self, style=None):
        """Returns the id of the token before the first word of a caption; `style` is a str as for `caption`."""
        return self._start if style is None else self.tokenizer.style_id(style)

    def search_for(self, beam_size=None, search=None):
        """Returns the `Search` for arguments of `caption`.

        Args:
            beam_size: see `caption`; other options of a beam search in the config are kept.
            search: see `caption`.

        Raises:
            ValueError: if both are given, or the beam size is less than 1.
        """
        if beam_size is None:
            return self.search if search is None else search
        if search is not None:
            raise ValueError("give either beam_size or search, not both")
        return self.search.with_beam_size(beam_size) or Beam(beam_size)

    def rules(self, constraints=None):
        """Returns `Constraints` (None: those of the config) as arguments of `Rules`; see `Constraints.rules`."""
        constraints = self.constraints if constraints is None else constraints
        return constraints.rules(self.tokenizer.get_vocabulary(), self.tokenizer.max_words)

    def encode_waveforms(self, waveform, length):
        """Encodes waveforms float32 `[batch, samples]` of int32 `[batch]` samples, in the graph of an exported model.

        Returns:
            Encoder steps and their numbers, as from `encode_function`.
        """
        return self.model.encode(*self.front_end.of_waveforms(waveform, length))

    def attend(self, sound, text, sample_rate=None):
        """Computes the attention of the words of a given caption.

        Args:
            sound: path or waveform, as for `caption`.
            text: str, the caption; long captions and unknown words are treated as in training.
            sample_rate: as for `caption`.

        Returns:
            `Caption` of this text, with its log-probability.

        Raises:
            AudioError: if the sound cannot be used.
            ValueError: if the model knows none of the words.
        """
        sound = self.front_end.read(sound, sample_rate)
        tokens, length = self.tokenizer.encode([text])
        tokens = tokens[:, 1 : int(length[0])]
        if tokens.shape[1] < 2:
            raise ValueError(f"the model knows no word of the caption {text!r}")
        features, length = self.front_end.batch([sound])
        encoded, steps, heard = self._heard(features, length, [sound.seconds])
        start = tf.constant([self._start])
        padding = self.tokenizer.max_words + 1 - tokens.shape[1]
        padded = tf.pad(tokens, [[0, 0], [0, padding]], constant_values=self.tokenizer.end_id)
        log_prob = self._score(padded, encoded, steps, start=start)[0]
        log_probs = self.word_log_probs(tokens, encoded, steps, start)[0]
        weights = self._attend(tokens, encoded, steps, start=start)[0].numpy()
        found = Alternative(self.tokenizer.detokenize(tokens)[0].numpy().decode(), float(log_prob))
        words = self.tokenizer.to_words(tokens[0])
        return self._make_caption([found], words, weights, log_probs, sound.seconds, *heard[0])

    def word_log_probs(self, tokens, encoded, steps, start):
        """Computes the log-probabilities of the words of captions, which their confidence depends on.

        Args:
            tokens: int32 `[batch, words]`, the captions without `<START>`.
            encoded: encoder steps, as from `encode_function`.
            steps: their numbers.
            start: int32 `[batch]`, the ids of the tokens before the first words.

        Returns:
            float32 numpy array `[batch, words]`; a list of None if the run was not calibrated.
        """
        if self.calibration is None:
            return [None] * len(tokens)
        return self._score_words(tokens, encoded, steps, start=start).numpy()

    def _starts(self, style, sounds):
        """Iterator of the ids of the tokens before the captions of sounds."""
        if style is None or isinstance(style, str):
            return itertools.repeat(self.start_id(style))
        starts = [self.start_id(one) for one in style]
        if len(starts) != len(sounds):
            raise ValueError(f"give one style, or one for each sound: got {len(starts)} for {len(sounds)} sounds")
        return iter(starts)

    def _compiled(self, search, constraints=None):
        """A function like that of `search_function`, which chooses the one for the length of the sounds."""
        constraints = self.constraints if constraints is None else constraints
        rules = self.rules(constraints)

        def find(encoded, steps, start):
            key = search, constraints, _block(encoded)
            if key not in self._searches:
                self._searches[key] = search_function(self.model, self.tokenizer, search, rules, key[-1])
            return self._searches[key](encoded, steps, start=start)

        return find

    def _attend(self, tokens, encoded, steps, start):
        block = _block(encoded)
        if block not in self._attentions:
            self._attentions[block] = attention_function(self.model, block)
        return self._attentions[block](tokens, encoded, steps, start=start)

    def _try_read(self, sound, sample_rate):
        """The `SoundFeatures` of a sound, or the `AudioError` that says why it has none."""
        try:
            return self.front_end.read(sound, sample_rate)
        except AudioError as error:
            return error

    def _caption_batch(self, usable, find):
        sounds, start = [sound for sound, _ in usable], tf.constant([start for _, start in usable])
        features, length = self.front_end.batch(sounds)
        encoded, steps, heard = self._heard(features, length, [sound.seconds for sound in sounds])
        found = find(encoded, steps, start=start)
        best = found.tokens[:, 0]
        attention = self._attend(best, encoded, steps, start=start).numpy()
        log_probs = self.word_log_probs(best, encoded, steps, start)
        texts = self.tokenizer.detokenize(found.tokens).numpy()
        first_steps = tf.nest.flatten(steps)[0]  # of an ensemble, the attention is that of the first model
        for row, sound in enumerate(sounds):
            # A beam that is wider than the number of possible captions contains impossible ones, too.
            hypotheses = [
                Alternative(text.decode(), float(value))
                for text, value in zip(texts[row], found.log_probs[row].numpy())
                if value > -1e30
            ]
            weights = attention[row, :, : int(first_steps[row])]
            words = self.tokenizer.to_words(best[row])
            yield self._make_caption(hypotheses, words, weights, log_probs[row], sound.seconds, *heard[row])

    def _make_caption(self, hypotheses, words, weights, log_probs, seconds, sounds, heard):
        """A `Caption` with its confidence; arguments as for `make_caption` and `Calibration.judge`."""
        named: tuple = ()
        if self.calibration is not None:
            named = self.calibration.judge(words, log_probs, heard), self.calibration.unsure_below
        return make_caption(hypotheses, words, weights, self._step_times, seconds, sounds, *named)

    def _heard(self, features, length, seconds):
        """Encoder steps, their number, and for each clip the list of `Sound` and `heard_sounds`, or None and None."""
        if not hears_sounds(self.model):
            return (*self._encode(features, length), [(None, None)] * len(seconds))
        encoded, steps, scores, segments = self._encode(features, length)
        embedder, heard = self.model.embedder, []
        for clip, count, end in zip(scores.numpy(), segments.numpy(), seconds):
            sounds = strongest_sounds(clip[:count], embedder.class_names, embedder.segment_times, end)
            heard.append((sounds, heard_sounds(clip[:count].max(axis=0), embedder.class_names)))
        return encoded, steps, heard


def _block(encoded):
    """Encoder steps that attention reads at a time; None if it reads all."""
    longest = max(steps.shape[0] * steps.shape[1] for steps in tf.nest.flatten(encoded))
    return BLOCK_STEPS if longest > LONG_STEPS else None


def _frames(sound):
    return 0 if isinstance(sound, AudioError) else sound.frames
