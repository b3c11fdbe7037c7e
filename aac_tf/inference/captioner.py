"""Run to captions."""

import collections
import concurrent.futures
import dataclasses
import os
from typing import List, Tuple

import numpy as np
import tensorflow as tf

from aac_tf.audio import PART_SECONDS, AudioError, SoundFile, spectrogram_of_parts
from aac_tf.build import (
    build_attend,
    build_embedder,
    build_encode,
    build_model,
    build_search,
    build_spec,
    build_step_seconds,
)
from aac_tf.embeddings.fingerprint import fingerprint
from aac_tf.runs.run import Run

# Clips go through the network together as long as their padded frames stay below this: five minutes of log-mels at 44.1
# kHz. A longer clip goes alone, so that one long file does not multiply the memory of its neighbours.
BATCH_FRAMES = 26000


@dataclasses.dataclass(frozen=True)
class Alternative:
    """A further caption that the beam search found."""

    text: str
    log_prob: float


@dataclasses.dataclass(frozen=True, eq=False)
class Word:
    """A word of a caption, and where in the sound the model looked for it.

    Attributes:
        text: the word.
        weights: float32 numpy array [steps], attention to each step of the encoder; they sum to 1.
        peak: seconds, middle of the step with the largest weight.
        interval: (begin, end) in seconds of the shortest stretch of steps that holds half of the weight.
    """

    text: str
    weights: np.ndarray
    peak: float
    interval: Tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Caption:
    """What a clip sounds like.

    Attributes:
        text: the caption, lower case, without punctuation.
        log_prob: natural logarithm of its probability under the model, the end of the caption included.
        alternatives: the beam's other captions, best first; none for greedy search.
        words: the caption's words, with the attention that each was chosen by.
        step_edges: float numpy array [steps + 1], seconds: step i of the words' weights stands for the time from edge i
            to edge i + 1.
    """

    text: str
    log_prob: float
    alternatives: List[Alternative]
    words: List[Word] = dataclasses.field(repr=False, compare=False)
    step_edges: np.ndarray = dataclasses.field(repr=False, compare=False)


class Captioner:
    """A trained captioner.

    Args:
        model: `CaptioningModel` with its weights.
        tokenizer: `WordTokenizer`.
        config: `Config` of the run.

    Example:
        >>> captioner = Captioner.load("runs/demo")
        >>> captioner.caption(["dog.wav"], beam_size=3)[0].text
        'a dog barks followed by a bell'
    """

    def __init__(self, model, tokenizer, config):
        self.model = model
        self.tokenizer = tokenizer
        self.config = config
        self.spec = build_spec(config)
        self._encode = build_encode(config, model)
        self._attend = build_attend(model, tokenizer)
        self._searches = {}
        self._first_step, self._step_hop = build_step_seconds(config)

    @classmethod
    def load(cls, run, overrides=()):
        """Loads the best weights of a run folder, which `train.py` wrote.

        Args:
            run: path of the folder.
            overrides: strings `section.key=value` that replace values of the run's config, of the keys that a trained
                model still leaves open (`Run.config`).

        Raises:
            RunError: if it is no run folder, holds no weights yet, or was trained with another frozen network.
            ConfigError: for an override that could change nothing any more.
        """
        run = Run(run)
        config = run.config(overrides)
        tokenizer = run.tokenizer(config)
        embedder = build_embedder(config)
        run.check_network(None if embedder is None else fingerprint(embedder))
        model = build_model(config, tokenizer.vocabulary_size(), run.normalization(), embedder)
        run.restore_best(model)
        return cls(model, tokenizer, config)

    def caption(self, paths_or_waveforms, beam_size=None, batch_size=16):
        """Captions sounds.

        Args:
            paths_or_waveforms: list whose items are paths of WAV, FLAC, OGG or MP3 files, or waveforms: float
                `[samples]` at `captioner.spec.sample_rate` Hz; or one such item.
            beam_size: int; None takes the run's. 1 is greedy search.
            batch_size: int, most clips that go through the network together.

        Returns:
            list of `Caption`, in the order of the input.

        Raises:
            AudioError: for a file that cannot be used. `caption_each` goes on past such files.
        """
        if isinstance(paths_or_waveforms, (str, os.PathLike)) or _is_waveform(paths_or_waveforms):
            paths_or_waveforms = [paths_or_waveforms]
        captions = []
        for caption in self.caption_each(paths_or_waveforms, beam_size, batch_size):
            if isinstance(caption, AudioError):
                raise caption
            captions.append(caption)
        return captions

    def caption_each(self, paths_or_waveforms, beam_size=None, batch_size=16):
        """Captions sounds one after another; arguments as `caption`.

        Yields:
            For every input, in order, a `Caption`, or the `AudioError` that says why there is none.
        """
        batch, longest = [], 0
        for clip in self._read_ahead(paths_or_waveforms, 2 * batch_size):
            frames = 0 if isinstance(clip, AudioError) else len(clip.features)
            if batch and (len(batch) == batch_size or max(longest, frames) * (len(batch) + 1) > BATCH_FRAMES):
                yield from self._caption_batch(batch, beam_size)
                batch, longest = [], 0
            batch.append(clip)
            longest = max(longest, frames)
        yield from self._caption_batch(batch, beam_size)

    def attend(self, sound, text):
        """Where in a sound the model looks for the words of a caption that it is given.

        Args:
            sound: path or waveform, as for `caption`.
            text: the caption; it is cut, and words that the model does not know are treated, as in training.

        Returns:
            `Caption` of this text, with its log-probability.

        Raises:
            AudioError: for a file that cannot be used.
            ValueError: if the model knows none of the words.
        """
        clip = self._read(sound)
        if isinstance(clip, AudioError):
            raise clip
        tokens, length = self.tokenizer.encode([text])
        tokens = tokens[:, 1 : int(length[0])]
        if tokens.shape[1] < 2:
            raise ValueError(f"the model knows no word of the caption {text!r}")
        encoded, steps = self._encode(clip.features[tf.newaxis], [len(clip.features)])
        before = tf.pad(tokens[:, :-1], [[0, 0], [1, 0]], constant_values=self.tokenizer.start_id)
        log_probs = tf.nn.log_softmax(self.model.decoder(before, encoded, steps))
        log_prob = tf.reduce_sum(tf.gather(log_probs, tokens, batch_dims=2))
        weights = self._attend(tokens, encoded, steps)[0]
        found = Alternative(self.tokenizer.detokenize(tokens)[0].numpy().decode(), float(log_prob))
        return self._describe([found], tokens[0].numpy(), weights.numpy(), clip.seconds)

    def _read_ahead(self, sounds, ahead):
        """Yields clips, or errors, in order, while a thread already reads the next ones."""
        reader, pending = concurrent.futures.ThreadPoolExecutor(1), collections.deque()
        try:
            for sound in sounds:
                pending.append(reader.submit(self._read, sound))
                if len(pending) > ahead:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            reader.shutdown(cancel_futures=True)

    def _read(self, sound):
        try:
            if isinstance(sound, (str, os.PathLike)):
                file = SoundFile(sound)
                parts, seconds = file.parts(self.spec.sample_rate), file.samples / file.sample_rate
            else:
                waveform, size = _checked(sound), PART_SECONDS * self.spec.sample_rate
                parts = (waveform[start : start + size] for start in range(0, len(waveform), size))
                seconds = len(waveform) / self.spec.sample_rate
            return _Clip(spectrogram_of_parts(parts, self.spec), seconds)
        except AudioError as error:
            return error

    def _caption_batch(self, clips, beam_size):
        usable = [clip for clip in clips if not isinstance(clip, AudioError)]
        captions = iter(self._search(usable, beam_size) if usable else ())
        for clip in clips:
            yield clip if isinstance(clip, AudioError) else next(captions)

    def _search(self, clips, beam_size):
        beam_size = self.config.decoding.beam_size if beam_size is None else beam_size
        if beam_size not in self._searches:
            self._searches[beam_size] = build_search(self.config, self.model, self.tokenizer, beam_size)
        length = np.array([len(clip.features) for clip in clips], np.int32)
        features = np.zeros([len(clips), length.max(), self.spec.num_bins], np.float32)
        for row, clip in zip(features, clips):
            row[: len(clip.features)] = clip.features
        encoded, steps = self._encode(features, length)
        found = self._searches[beam_size](encoded, steps)
        best = found.tokens[:, 0]
        attention = self._attend(best, encoded, steps).numpy()
        texts = self.tokenizer.detokenize(found.tokens).numpy()
        for row, clip in enumerate(clips):
            # A beam wider than the number of possible captions is filled up with impossible ones.
            hypotheses = [
                Alternative(text.decode(), float(value))
                for text, value in zip(texts[row], found.log_probs[row].numpy())
                if value > -1e30
            ]
            weights = attention[row, :, : int(steps[row])]
            yield self._describe(hypotheses, best[row].numpy(), weights, clip.seconds)

    def _describe(self, hypotheses, tokens, weights, seconds):
        centers = self._first_step + self._step_hop * np.arange(weights.shape[1])
        edges = np.concatenate([[0.0], (centers[1:] + centers[:-1]) / 2, [seconds]])
        # The last window may reach beyond the sound, and a sound may be shorter than half a window.
        edges = np.minimum(edges, seconds)
        words = []
        for token, own in zip(tokens, weights):
            if token == self.tokenizer.end_id:
                break
            step = int(np.argmax(own))
            words.append(
                Word(self.tokenizer.id_to_token(token), own, float(edges[step : step + 2].mean()), _half(own, edges))
            )
        return Caption(hypotheses[0].text, hypotheses[0].log_prob, hypotheses[1:], words, edges)


def _is_waveform(sound):
    return isinstance(sound, (np.ndarray, tf.Tensor)) and sound.ndim == 1 and np.asarray(sound).dtype.kind in "fiu"


def _checked(waveform):
    """A waveform as a float32 tensor `[samples]`; raises `AudioError` for what cannot be captioned."""
    waveform = np.asarray(waveform, np.float32)
    if waveform.ndim != 1:
        shape = list(waveform.shape)
        raise AudioError("waveform", f"expected [samples], got {shape}: average its channels, and give clips as a list")
    if not waveform.size:
        raise AudioError("waveform", "it holds no samples")
    if not np.isfinite(waveform).all():
        raise AudioError("waveform", "NaN or infinite samples")
    return tf.constant(waveform)


@dataclasses.dataclass(frozen=True)
class _Clip:
    features: tf.Tensor
    seconds: float


def _half(weights, edges):
    """Begin and end of the shortest stretch of steps with half of the weight."""
    total = np.concatenate([[0.0], np.cumsum(weights, dtype=np.float64)])
    # For every first step, the first last step that makes it half.
    last = np.searchsorted(total, total[:-1] + 0.5 * total[-1] - 1e-9)
    stretches = [(edges[end] - edges[begin], begin, end) for begin, end in enumerate(last) if end < len(total)]
    _, begin, end = min(stretches)
    return float(edges[begin]), float(edges[end])
