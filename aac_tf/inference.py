"""Run to captions."""

import collections
import concurrent.futures
import dataclasses
import os
from typing import List

import numpy as np
import tensorflow as tf

from aac_tf.audio import AudioError, load_audio, spectrogram
from aac_tf.build import build_embedder, build_model, build_search, build_spec
from aac_tf.run import Run

# Clips go through the network together as long as their padded frames stay below this: five minutes of log-mels at 44.1
# kHz. A longer clip goes alone, so that one long file does not multiply the memory of its neighbours.
BATCH_FRAMES = 26000


@dataclasses.dataclass(frozen=True)
class Alternative:
    """A further caption that the beam search found."""

    text: str
    log_prob: float


@dataclasses.dataclass(frozen=True)
class Caption:
    """What a clip sounds like.

    Attributes:
        text: the caption, lower case, without punctuation.
        log_prob: natural logarithm of its probability under the model, the end of the caption included.
        alternatives: the beam's other captions, best first; none for greedy search.
    """

    text: str
    log_prob: float
    alternatives: List[Alternative]


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
        self._searches = {}

    @classmethod
    def load(cls, run):
        """Loads the best weights of a run folder, which `train.py` wrote.

        Raises:
            RunError: if it is no run folder, or holds no weights yet.
        """
        run = Run(run)
        config = run.config()
        tokenizer = run.tokenizer(config)
        model = build_model(config, tokenizer.vocabulary_size(), run.normalization(), build_embedder(config))
        run.restore_best(model)
        return cls(model, tokenizer, config)

    def caption(self, paths_or_waveforms, beam_size=None, batch_size=16):
        """Captions sounds.

        Args:
            paths_or_waveforms: list whose items are paths of WAV, FLAC, OGG or MP3 files, or waveforms: float
                `[samples]` at `captioner.spec.sample_rate` Hz.
            beam_size: int; None takes the run's. 1 is greedy search.
            batch_size: int, most clips that go through the network together.

        Returns:
            list of `Caption`, in the order of the input.

        Raises:
            AudioError: for a file that cannot be used. `caption_each` goes on past such files.
        """
        if isinstance(paths_or_waveforms, (str, os.PathLike)):
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
        for features in self._read_ahead(paths_or_waveforms, 2 * batch_size):
            frames = 0 if isinstance(features, AudioError) else len(features)
            if batch and (len(batch) == batch_size or max(longest, frames) * (len(batch) + 1) > BATCH_FRAMES):
                yield from self._caption_batch(batch, beam_size)
                batch, longest = [], 0
            batch.append(features)
            longest = max(longest, frames)
        yield from self._caption_batch(batch, beam_size)

    def _read_ahead(self, sounds, ahead):
        """Yields features, or errors, in order, while a thread already reads the next ones."""
        with concurrent.futures.ThreadPoolExecutor(1) as reader:
            pending = collections.deque()
            for sound in sounds:
                pending.append(reader.submit(self._features, sound))
                if len(pending) > ahead:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()

    def _features(self, sound):
        try:
            if isinstance(sound, (str, os.PathLike)):
                waveform, _ = load_audio(sound, self.spec.sample_rate)
            else:
                waveform = tf.convert_to_tensor(np.asarray(sound, np.float32))
            return spectrogram(waveform, self.spec)
        except AudioError as error:
            return error

    def _caption_batch(self, features, beam_size):
        usable = [item for item in features if not isinstance(item, AudioError)]
        captions = iter(self._search(usable, beam_size) if usable else ())
        for item in features:
            yield item if isinstance(item, AudioError) else next(captions)

    def _search(self, features, beam_size):
        beam_size = self.config.decoding.beam_size if beam_size is None else beam_size
        if beam_size not in self._searches:
            self._searches[beam_size] = build_search(self.config, self.model, self.tokenizer, beam_size)
        length = tf.constant([len(item) for item in features], tf.int32)
        padded = tf.ragged.stack(features).to_tensor(shape=[None, None, self.spec.num_bins])
        found = self._searches[beam_size](padded, length)
        texts = self.tokenizer.detokenize(found.tokens).numpy()
        for row, log_probs in zip(texts, found.log_probs.numpy()):
            # A beam wider than the number of possible captions is filled up with impossible ones.
            hypotheses = [
                Alternative(text.decode(), float(value)) for text, value in zip(row, log_probs) if value > -1e30
            ]
            yield Caption(hypotheses[0].text, hypotheses[0].log_prob, hypotheses[1:])
