"""The `Captioner`: captions sounds with a trained model."""

import dataclasses
import os

import numpy as np
import tensorflow as tf

from aac_tf.audio import PART_SECONDS, AudioError, SoundFile, spectrogram_of_parts
from aac_tf.build import build_frozen_encoder, build_model, build_search, build_spec
from aac_tf.decoding import Beam
from aac_tf.inference.caption import Alternative, make_caption
from aac_tf.inference.graphs import attention_function, encode_function, search_function, step_seconds
from aac_tf.runs import Run
from aac_tf.utils.reading import bounded_batches, read_ahead

# Maximum number of frames in a batch, padding included: five minutes of log-mel frames at 44.1 kHz. A longer clip forms
# a batch of its own, so that short clips are not padded to its length.
BATCH_FRAMES = 26000


@dataclasses.dataclass(frozen=True)
class _Sound:
    features: tf.Tensor
    seconds: float


class Captioner:
    """Captions sounds with a trained model.

    Args:
        model: `CaptioningModel` with trained weights.
        tokenizer: `WordTokenizer`.
        config: `Config` of the run.

    Attributes:
        spec: `SpectrogramSpec` of the model's input; waveforms must have its `sample_rate`.
        search: `Search` that is used by default.

    Example:
        >>> from aac_tf import Captioner
        >>> captioner = Captioner.load("runs/demo")  # doctest: +SKIP
        >>> captioner.caption(["dog.wav"], beam_size=3)[0].text  # doctest: +SKIP
        'a dog barks followed by a bell'
    """

    def __init__(self, model, tokenizer, config):
        self.model = model
        self.tokenizer = tokenizer
        self.config = config
        self.spec = build_spec(config)
        self.search = build_search(config)
        self._encode = encode_function(model, self.spec.num_bins)
        self._attend = attention_function(model, tokenizer)
        self._searches = {}
        self._step_times = step_seconds(model, self.spec)

    @classmethod
    def load(cls, run, overrides=()):
        """Loads the best weights of a run folder that `train.py` wrote.

        Args:
            run: path of the folder.
            overrides: list of str `section.key=value`, for keys that a trained run can still change (see `Run.config`).

        Returns:
            `Captioner`.

        Raises:
            RunError: if the folder is not a run folder, has no weights yet, or was trained with another frozen encoder.
            ConfigError: if an override is invalid, or its key cannot change after training.
        """
        run = Run(run)
        config = run.config(overrides)
        tokenizer = run.tokenizer(config)
        embedder = build_frozen_encoder(config)
        run.check_network(None if embedder is None else embedder.fingerprint())
        model = build_model(config, tokenizer.vocabulary_size(), run.normalization(), embedder)
        run.restore_best(model)
        return cls(model, tokenizer, config)

    def caption(self, paths_or_waveforms, beam_size=None, batch_size=16, search=None):
        """Captions sounds.

        Args:
            paths_or_waveforms: list of paths of WAV, FLAC, OGG or MP3 files, or of waveforms: float `[samples]` at
                `captioner.spec.sample_rate` Hz. A single item is accepted, too.
            beam_size: int, shorthand for `search=Beam(beam_size)`.
            batch_size: int, maximum number of clips in a batch.
            search: `Search`, such as `Sample(temperature=0.7)`; None takes that of the config.

        Returns:
            list of `Caption`, in the order of the input.

        Raises:
            AudioError: if a sound cannot be used. `caption_each` continues with the next sound instead.
        """
        if isinstance(paths_or_waveforms, (str, os.PathLike)) or _is_waveform(paths_or_waveforms):
            paths_or_waveforms = [paths_or_waveforms]
        captions = []
        for caption in self.caption_each(paths_or_waveforms, beam_size, batch_size, search):
            if isinstance(caption, AudioError):
                raise caption
            captions.append(caption)
        return captions

    def caption_each(self, paths_or_waveforms, beam_size=None, batch_size=16, search=None):
        """Captions sounds one by one; arguments as for `caption`.

        Yields:
            `Caption` for each sound, in the order of the input, or an `AudioError` if the sound cannot be used.
        """
        find = self._compiled(self.search_for(beam_size, search))
        sounds = read_ahead(self._read, paths_or_waveforms, ahead=2 * batch_size)
        for batch in bounded_batches(sounds, _frames, BATCH_FRAMES, batch_size):
            usable = [sound for sound in batch if not isinstance(sound, AudioError)]
            captions = iter(self._caption_batch(usable, find) if usable else ())
            for sound in batch:
                yield sound if isinstance(sound, AudioError) else next(captions)

    def search_for(self, beam_size=None, search=None):
        """Returns the `Search` for arguments of `caption`.

        Args:
            beam_size: see `caption`; the length penalty of the config is kept.
            search: see `caption`.

        Raises:
            ValueError: if both are given, or the beam size is less than 1.
        """
        if beam_size is None:
            return self.search if search is None else search
        if search is not None:
            raise ValueError("give either beam_size or search, not both")
        if isinstance(self.search, Beam):
            return dataclasses.replace(self.search, beam_size=beam_size)
        return Beam(beam_size)

    def attend(self, sound, text):
        """Computes the attention of the words of a given caption.

        Args:
            sound: path or waveform, as for `caption`.
            text: str, the caption; long captions and unknown words are treated as in training.

        Returns:
            `Caption` of this text, with its log-probability.

        Raises:
            AudioError: if the sound cannot be used.
            ValueError: if the model knows none of the words.
        """
        sound = self._read(sound)
        if isinstance(sound, AudioError):
            raise sound
        tokens, length = self.tokenizer.encode([text])
        tokens = tokens[:, 1 : int(length[0])]
        if tokens.shape[1] < 2:
            raise ValueError(f"the model knows no word of the caption {text!r}")
        encoded, steps = self._encode(sound.features[tf.newaxis], [len(sound.features)])
        before = tf.pad(tokens[:, :-1], [[0, 0], [1, 0]], constant_values=self.tokenizer.start_id)
        log_probs = tf.nn.log_softmax(self.model.decoder(before, encoded, steps))
        log_prob = tf.reduce_sum(tf.gather(log_probs, tokens, batch_dims=2))
        weights = self._attend(tokens, encoded, steps)[0]
        found = Alternative(self.tokenizer.detokenize(tokens)[0].numpy().decode(), float(log_prob))
        return make_caption([found], self._words(tokens[0]), weights.numpy(), self._step_times, sound.seconds)

    def _compiled(self, search):
        if search not in self._searches:
            self._searches[search] = search_function(self.model, self.tokenizer, search)
        return self._searches[search]

    def _read(self, sound):
        try:
            if isinstance(sound, (str, os.PathLike)):
                file = SoundFile(sound)
                parts, seconds = file.parts(self.spec.sample_rate), file.samples / file.sample_rate
            else:
                waveform, size = _checked(sound), PART_SECONDS * self.spec.sample_rate
                parts = (waveform[start : start + size] for start in range(0, len(waveform), size))
                seconds = len(waveform) / self.spec.sample_rate
            return _Sound(spectrogram_of_parts(parts, self.spec), seconds)
        except AudioError as error:
            return error

    def _caption_batch(self, sounds, find):
        length = np.array([len(sound.features) for sound in sounds], np.int32)
        features = np.zeros([len(sounds), length.max(), self.spec.num_bins], np.float32)
        for row, sound in zip(features, sounds):
            row[: len(sound.features)] = sound.features
        encoded, steps = self._encode(features, length)
        found = find(encoded, steps)
        best = found.tokens[:, 0]
        attention = self._attend(best, encoded, steps).numpy()
        texts = self.tokenizer.detokenize(found.tokens).numpy()
        for row, sound in enumerate(sounds):
            # A beam that is wider than the number of possible captions contains impossible ones, too.
            hypotheses = [
                Alternative(text.decode(), float(value))
                for text, value in zip(texts[row], found.log_probs[row].numpy())
                if value > -1e30
            ]
            weights = attention[row, :, : int(steps[row])]
            yield make_caption(hypotheses, self._words(best[row]), weights, self._step_times, sound.seconds)

    def _words(self, tokens):
        """The words of the tokens int32 `[words]` of a caption, up to its end."""
        tokens = tokens.numpy().tolist()
        end = tokens.index(self.tokenizer.end_id) if self.tokenizer.end_id in tokens else len(tokens)
        return [self.tokenizer.id_to_token(token) for token in tokens[:end]]


def _frames(sound):
    return 0 if isinstance(sound, AudioError) else len(sound.features)


def _is_waveform(sound):
    return isinstance(sound, (np.ndarray, tf.Tensor)) and sound.ndim == 1 and np.asarray(sound).dtype.kind in "fiu"


def _checked(waveform):
    """Converts a waveform to a float32 tensor `[samples]`; raises `AudioError` if it cannot be captioned."""
    waveform = np.asarray(waveform, np.float32)
    if waveform.ndim != 1:
        shape = list(waveform.shape)
        raise AudioError(
            "waveform", f"expected [samples], got {shape}: average the channels, and pass several clips as a list"
        )
    if not waveform.size:
        raise AudioError("waveform", "no samples")
    if not np.isfinite(waveform).all():
        raise AudioError("waveform", "NaN or infinite samples")
    return tf.constant(waveform)
