"""The `Captioner`: captions sounds with a trained model."""

import functools
import itertools
import os

import tensorflow as tf

from aac_tf.audio import AudioError
from aac_tf.audio.waveforms import is_single
from aac_tf.build import build_constraints, build_frozen_encoder, build_model, build_search, build_spec
from aac_tf.config.schema.decoding import MAX_HYPOTHESES
from aac_tf.decoding import Beam, Constraints, Search
from aac_tf.inference.caption import Alternative
from aac_tf.inference.caption_maker import CaptionMaker, Described
from aac_tf.inference.confidence import read_calibration
from aac_tf.inference.ensemble import combine
from aac_tf.inference.front_end import FrontEnd
from aac_tf.inference.graphs import (
    embed_function,
    encode_embedded_function,
    explain_function,
    hears_sounds,
    score_function,
    search_function,
    step_seconds,
)
from aac_tf.inference.heard import HeardSound
from aac_tf.inference.timeline import TimelineError
from aac_tf.inference.timeline_graph import TimelineGraph
from aac_tf.runs import Run, RunError
from aac_tf.runs.fetch import open_run
from aac_tf.runs.network import network_origin
from aac_tf.runs.presets import find_preset, preset_names
from aac_tf.utils.counting import counted

# Percents of the work on a timeline after which a sound has gone through the frozen network, and of this part after
# which the sound is read.
_HEARD, _READ = 60, 20
_COMPILED = 16  # searches, and timelines, whose compiled functions are kept


class Captioner:
    """Captions sounds with a trained model.

    Args:
        model: `CaptioningModel` with trained weights, or `Ensemble` of several.
        tokenizer: `WordTokenizer`, or only its `Vocabulary`.
        config: `Config` of the run.
        calibration: `Calibration` of the run, for `Caption.confidence`; None if it was not calibrated.
        front_end: `JointFrontEnd` of an `Ensemble`; None makes the `FrontEnd` of the config.
        runs: list of `Run` that the weights are from; empty if they are from elsewhere.

    Attributes:
        vocabulary: `Vocabulary`.
        tokenizer: `WordTokenizer`.
        spec: `SpectrogramSpec` of the model's input; its `sample_rate` is that of waveforms.
        search: `Search` that is used by default.
        constraints: `Constraints` on captions that are used by default.
        styles: list of str, names of the styles that the model was trained with.
        embed: compiled function, see `embed_function`.

    Example:
        >>> from aac_tf import Captioner
        >>> captioner = Captioner.load("runs/demo")  # doctest: +SKIP
        >>> captioner.caption(["dog.wav"], beam_size=3)[0].text  # doctest: +SKIP
        'a dog barks followed by a bell'
    """

    def __init__(self, model, tokenizer, config, calibration=None, front_end=None, runs=()):
        self.model = model
        self.runs = list(runs)
        self.vocabulary = tokenizer
        self.config = config
        self.spec = build_spec(config)
        self.front_end = FrontEnd(self.spec) if front_end is None else front_end
        self.search = build_search(config)
        self.constraints = build_constraints(config)
        self.styles = list(tokenizer.styles)
        self._start = tokenizer.style_id(config.decoding.style)
        self.embed = embed_function(model, self.front_end.bins)
        self._encode = encode_embedded_function(model, self.front_end.bins)
        self._score = score_function(model, tokenizer)
        self._explainers = {wanted: explain_function(model, tokenizer, wanted) for wanted in (False, True)}
        self.calibration = calibration
        # A service may be asked for any search: the least recently used are compiled again.
        self._search_function = functools.lru_cache(_COMPILED)(
            lambda search, constraints: search_function(model, tokenizer, search, self.rules(constraints))
        )
        self._timeline_graph = functools.lru_cache(_COMPILED)(
            lambda search, constraints: TimelineGraph(self, search, self.rules(constraints))
        )
        self.rules()  # fails now, not at the first sound
        self._step_times = step_seconds(model, self.spec)

    def __repr__(self):
        vocabulary, models = self.vocabulary, len(self.model.members)
        words = vocabulary.vocabulary_size() - len({*vocabulary.special_ids, vocabulary.end_id})
        parts = [
            self.spec.name if self.config.embedding.kind == "none" else self.config.embedding.kind,
            f"{self.config.encoder.kind} encoder",
            f"{self.config.decoder.kind} decoder",
            counted(words, "word"),
            f"styles {', '.join(self.styles)}" if self.styles else "no styles",
            repr(self.search),
        ]
        if models > 1:
            parts.insert(0, f"the first of {models} models")
        return f"<Captioner {self.config.name}: {'; '.join(parts)}>"

    @classmethod
    def load(cls, run, overrides=(), rerank=None):
        """Loads the best weights of a run, or of several runs that choose each word together.

        Args:
            run: path of a run folder that `train.py` or `aac-publish` wrote; name of a preset; `hf://USER/REPO`; or
                `https://...` of an archive (see `find_run`); or a `Run`. A list of them is an ensemble: its runs have
                equal vocabularies, and each has its own front end, encoder and decoder.
            overrides: list of str `section.key=value`, for keys that can be changed after training (see `Run.config`).
                Those of `decoding` apply to the first run, all others to all runs.
            rerank: another run, which helps to rank the captions that the search finds: their log-probability becomes
                `(1 - w) * first + w * second` with w = `decoding.rerank_weight`.

        Returns:
            `Captioner`.

        Raises:
            RunError: if the folder is not a run folder, has no weights yet, or was trained with another frozen encoder;
                or if the list is empty.
            ConfigError: if an override is invalid, or its key cannot change after training.
            StyleError: if the model does not have the style `decoding.style`.
            ConstraintError: if the model does not know a word of `decoding`, or no caption can follow its constraints.
            EnsembleError: if the runs cannot be combined.
            DownloadError: if a download fails.
        """
        runs = [run] if isinstance(run, (str, os.PathLike, Run)) else list(run)
        if not runs:
            raise RunError("no run to load: give a run folder, the name of a preset, or a list of them")
        others = [override for override in overrides if not override.startswith("decoding.")]
        members = [cls._load_one(one, others if index else overrides) for index, one in enumerate(runs)]
        second = None if rerank is None else cls._load_one(rerank, others)
        first = members[0]
        if len(members) == 1 and second is None:
            return first
        model, front_end = combine(members, second)
        used = [run for one in (*members, second) if one is not None for run in one.runs]
        return cls(model, first.vocabulary, first.config, front_end=front_end, runs=used)

    @classmethod
    def _load_one(cls, run, overrides):
        run = open_run(run)
        config = run.config(overrides)
        vocabulary = run.words(config)
        embedder = build_frozen_encoder(config, network_origin(run, config))
        if embedder is not None and not _same_weights(embedder.origin, run.network()):
            run.check_network(embedder.fingerprint())
        bins = build_spec(config).num_bins if embedder is None else embedder.width
        model = build_model(config, vocabulary.vocabulary_size(), run.normalization(bins), embedder)
        run.restore_best(model)
        return cls(model, vocabulary, config, read_calibration(run), runs=[run])

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
                a single item, and a batch is a list. A pair `(waveform, sample rate)` is one sound, too.
            beam_size: int, number of hypotheses of the beam search of the config, whose other options are kept; without
                one in the config, of `Beam`.
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
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        describe = self.describer(self.search_for(beam_size, search), constraints)
        if is_single(paths_or_waveforms):
            paths_or_waveforms = [paths_or_waveforms]
        starts = self._starts(style, paths_or_waveforms)
        yield from self.maker.caption_each(describe, paths_or_waveforms, starts, batch_size, sample_rate)

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
        search, progress = self.search_for(beam_size, search), progress or (lambda done, total: None)
        self.timeline_graph(search, constraints)  # fails before the sound is read
        heard = self.hear(sound, sample_rate, lambda done, total: progress(_HEARD * done // total, 100))
        return heard.timeline(
            search=search,
            style=style,
            constraints=constraints,
            progress=lambda done, total: progress(_HEARD + (100 - _HEARD) * done // total, 100),
        )

    def hear(self, sound, sample_rate=None, progress=None):
        """Reads a sound and runs the frozen network, for several captions or timelines of it.

        Args:
            sound: path or waveform of one sound, as for `caption`.
            sample_rate: as for `caption`.
            progress: optional function `(done, total)` of percents.

        Returns:
            `HeardSound`, whose methods `caption` and `timeline` return what those of the captioner do.

        Raises:
            AudioError: if the sound cannot be used.
            TypeError: if there are several sounds.

        Example:
            >>> from aac_tf import Captioner
            >>> heard = Captioner.from_preset("everyday").hear("an_hour.flac")  # doctest: +SKIP
            >>> caption, segments = heard.caption(), heard.timeline()  # doctest: +SKIP
        """
        if not is_single(sound):
            raise TypeError("expected one sound, got a list of them: hear each by itself, or use `caption`")
        progress = progress or (lambda done, total: None)
        progress(0, 100)
        sound = self.front_end.read(sound, sample_rate)
        progress(_READ, 100)
        embedding, scores, length = self.embed(*self.front_end.batch([sound]))
        progress(100, 100)
        return HeardSound(self, sound.features, sound.seconds, embedding, scores, length)

    @functools.cached_property
    def tokenizer(self):
        """The `WordTokenizer`, which imports keras-nlp: captioning needs only the vocabulary."""
        if isinstance(self.vocabulary, tf.keras.layers.Layer):
            return self.vocabulary
        from aac_tf.text import WordTokenizer

        with tf.init_scope():  # its tables must not belong to a graph that is being traced
            return WordTokenizer(self.vocabulary.get_vocabulary(), self.vocabulary.max_words)

    @property
    def class_names(self):
        """Names of the sounds that the frozen encoder's own classifier hears, tuple of str; empty if there is none."""
        return tuple(self.model.embedder.class_names) if hears_sounds(self.model) else ()

    @property
    def maker(self):
        """The `CaptionMaker`."""
        times = self.model.embedder.segment_times if self.class_names else None
        return CaptionMaker(
            self.vocabulary, self.front_end, self._step_times, self.calibration, self.class_names, times
        )

    def describer(self, search=None, constraints=None):
        """Compiles the computation of captions, from features on.

        Args:
            search: `Search`; None takes that of the config.
            constraints: `Constraints`; None takes those of the config.

        Returns:
            Function `(features, length, start) -> Described`, whose arguments are those of `embed_function` and
            `search_function`.
        """
        describe = self.embedded_describer(search, constraints)
        return lambda features, length, start: describe(*self.embed(features, length), start)

    def embedded_describer(self, search=None, constraints=None):
        """As `describer`, but the function takes what `embed` returns: `(embedding, scores, length, start)`."""
        find = self._search_function(self.search if search is None else search, self._constraints(constraints))

        def describe(embedding, scores, length, start):
            encoded, steps = self._encode(embedding, length)
            found = find(encoded, steps, start=start)
            best = found.tokens[:, 0]
            attention, words = self._explain(best, encoded, steps, start=start)
            # Of an ensemble, the attention and the scores are those of the first model.
            first_steps, segments = tf.nest.flatten(steps)[0], tf.nest.flatten(length)[0]
            heard = (scores, segments) if self.class_names else ()
            return Described(found.tokens, found.log_probs, attention, first_steps, words, *heard)

        return describe

    def timeline_graph(self, search, constraints=None):
        """Compiles the stages of captions over time; arguments as for `describer`.

        Returns:
            `TimelineGraph`.

        Raises:
            TimelineError: if the captioner is an ensemble.
        """
        if len(self.model.members) > 1:
            raise TimelineError(
                "captions over time take a single run: several runs, and --rerank, caption whole sounds only"
            )
        return self._timeline_graph(search, self._constraints(constraints))

    def start_id(self, style=None):
        """Returns the id of the token before the first word of a caption; `style` is a str as for `caption`."""
        if not isinstance(style, (str, type(None))):
            raise TypeError(f"expected the name of a style, got {style!r}")
        return self._start if style is None else self.vocabulary.style_id(style)

    def search_for(self, beam_size=None, search=None):
        """Returns the `Search` for arguments of `caption`.

        Args:
            beam_size: see `caption`; other options of a beam search in the config are kept.
            search: see `caption`.

        Raises:
            ValueError: if both are given, the beam size is less than 1, or the search finds more than 1,000 captions.
            TypeError: if `search` is not a `Search`.
        """
        if beam_size is not None and search is not None:
            raise ValueError("give either beam_size or search, not both")
        if beam_size is not None:
            search = self.search.with_beam_size(beam_size) or Beam(beam_size)
        if search is None:
            return self.search
        if not isinstance(search, Search):
            raise TypeError(f"expected a Search, such as Beam(3) or Sample(), got {search!r}")
        if search.size > MAX_HYPOTHESES:
            raise ValueError(
                f"a search may find at most {MAX_HYPOTHESES:,} captions of a sound, which are decoded at once; "
                f"{search} finds {search.size:,}"
            )
        return search

    def rules(self, constraints=None):
        """Returns `Constraints` (None: those of the config) as arguments of `Rules`; see `Constraints.rules`."""
        return self._constraints(constraints).rules(self.vocabulary.get_vocabulary(), self.vocabulary.max_words)

    def encode_waveforms(self, waveform, length):
        """Encodes waveforms float32 `[batch, samples]` of int32 `[batch]` samples, in the graph of an exported model.

        Returns:
            Encoder steps and their numbers, as from `CaptioningModel.encode`.
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
        embedding, scores, segments = self.embed(*self.front_end.batch([sound]))
        encoded, steps = self._encode(embedding, segments)
        start = tf.constant([self._start])
        count = tokens.shape[1]
        padding = [[0, 0], [0, self.vocabulary.max_words + 1 - count]]
        padded = tf.pad(tokens, padding, constant_values=self.vocabulary.end_id)
        log_prob = self._score(padded, encoded, steps, start=start)[0]
        weights, log_probs = self._explain(padded, encoded, steps, start=start)
        found = Alternative(self.vocabulary.to_text(tokens[0]), float(log_prob))
        heard = (scores, tf.nest.flatten(segments)[0]) if self.class_names else (None, None)
        (heard,) = self.maker.heard(*heard, [sound.seconds])
        words = self.vocabulary.to_words(tokens[0])
        log_probs = None if log_probs is None else log_probs[0, :count].numpy()
        return self.maker.make([found], words, weights[0, :count].numpy(), log_probs, sound.seconds, *heard)

    def word_log_probs(self, tokens, encoded, steps, start):
        """Computes the log-probabilities of the words of captions, which their confidence depends on.

        Args:
            tokens: int32 `[batch, max_words + 1]`, the captions without `<START>`.
            encoded: encoder steps, as from `CaptioningModel.encode`.
            steps: their numbers.
            start: int32 `[batch]`, the ids of the tokens before the first words.

        Returns:
            float32 numpy array `[batch, max_words + 1]`; a list of None if the run was not calibrated.
        """
        if self.calibration is None:
            return [None] * len(tokens)
        return self._explain(tokens, encoded, steps, start=start)[1].numpy()

    def _starts(self, style, sounds):
        """Iterator of the ids of the tokens before the captions of sounds."""
        if style is None or isinstance(style, str):
            return itertools.repeat(self.start_id(style))
        starts = [self.start_id(one) for one in style]
        if len(starts) != len(sounds):
            raise ValueError(
                f"give one style, or one for each sound: got {len(starts)} for {counted(len(sounds), 'sound')}"
            )
        return iter(starts)

    def _constraints(self, constraints):
        if not isinstance(constraints, (Constraints, type(None))):
            raise TypeError(f"expected Constraints, such as Constraints(max_words=8), got {constraints!r}")
        return self.constraints if constraints is None else constraints

    @property
    def _explain(self):
        # With log-probabilities only if a calibration, which can be exchanged, makes a confidence of them.
        return self._explainers[self.calibration is not None]


def _same_weights(origin, stored):
    """Whether a frozen encoder is known to have the weights that a run was trained with."""
    return origin.get("checksum") is not None and origin["checksum"] == stored.get("checksum")
