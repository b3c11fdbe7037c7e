"""From sounds to captions in batches: everything but the graphs that compute them."""

import dataclasses
from typing import Any, NamedTuple, Optional, Tuple

import tensorflow as tf

from aac_tf.audio import AudioError
from aac_tf.inference.caption import Alternative, make_caption
from aac_tf.inference.confidence import heard_sounds
from aac_tf.inference.sounds import strongest_sounds
from aac_tf.utils.reading import bounded_batches, read_ahead

# Maximum number of frames in a batch, padding included: five minutes of log-mel frames at 44.1 kHz. A longer clip forms
# a batch of its own, so that short clips are not padded to its length.
BATCH_FRAMES = 26000


class Described(NamedTuple):
    """What a model computes for a batch of sounds; all attributes are tensors.

    Attributes:
        tokens: int32 `[batch, size, words]`, as in `Hypotheses`.
        log_probs: float32 `[batch, size]`, as in `Hypotheses`.
        attention: float32 `[batch, words, steps]`, of the best caption.
        steps: int32 `[batch]`, number of encoder steps of each sound.
        word_log_probs: float32 `[batch, words]`, of the best caption; None if the run was not calibrated.
        scores: float32 `[batch, segments, classes]` of the frozen encoder's classifier; None if there is none.
        segments: int32 `[batch]`, number of segments of each sound; None without scores.
    """

    tokens: Any
    log_probs: Any
    attention: Any
    steps: Any
    word_log_probs: Any = None
    scores: Any = None
    segments: Any = None


@dataclasses.dataclass(frozen=True)
class CaptionMaker:
    """Reads sounds, batches them and makes a `Caption` of what a model computes for each.

    Attributes:
        vocabulary: `Vocabulary`.
        front_end: `FrontEnd`, or `JointFrontEnd`.
        step_times: (first, hop) in seconds of the encoder steps, see `step_seconds`.
        calibration: `Calibration`; None if the run was not calibrated.
        class_names: names of the classes of the frozen encoder's classifier; empty if there is none.
        segment_times: (first, hop) in seconds of the frozen encoder's segments; None if there is no classifier.
    """

    vocabulary: Any
    front_end: Any
    step_times: Tuple[float, float]
    calibration: Any = None
    class_names: Tuple[str, ...] = ()
    segment_times: Optional[Tuple[float, float]] = None

    def caption_each(self, describe, sounds, starts, batch_size=16, sample_rate=None):
        """Captions sounds one by one.

        Args:
            describe: function `(features, length, start) -> Described`.
            sounds: list of paths or waveforms, as for `Captioner.caption`.
            starts: iterator of the ids of the tokens before the first words.
            batch_size: int, maximum number of sounds in a batch.
            sample_rate: as for `Captioner.caption`.

        Yields:
            `Caption` or `AudioError`, as `Captioner.caption_each`.
        """
        read = read_ahead(lambda sound: self._try_read(sound, sample_rate), sounds, ahead=2 * batch_size)
        for batch in bounded_batches(read, _frames, BATCH_FRAMES, batch_size):
            usable = [(sound, start) for sound, start in zip(batch, starts) if not isinstance(sound, AudioError)]
            captions = iter(self._caption_batch(usable, describe) if usable else ())
            for sound in batch:
                yield sound if isinstance(sound, AudioError) else next(captions)

    def captions(self, found, seconds):
        """Makes captions of what was computed.

        Args:
            found: `Described`.
            seconds: list of float, lengths of the sounds.

        Yields:
            `Caption` for each sound.
        """
        heard = self.heard(found.scores, found.segments, seconds)
        tokens, values, attention = (tensor.numpy() for tensor in (found.tokens, found.log_probs, found.attention))
        log_probs = [None] * len(seconds) if found.word_log_probs is None else found.word_log_probs.numpy()
        for row, end in enumerate(seconds):
            # A beam that is wider than the number of possible captions contains impossible ones, too.
            hypotheses = [
                Alternative(self.vocabulary.to_text(ids), float(value))
                for ids, value in zip(tokens[row], values[row])
                if value > -1e30
            ]
            weights = attention[row, :, : int(found.steps[row])]
            words = self.vocabulary.to_words(tokens[row, 0])
            yield self.make(hypotheses, words, weights, log_probs[row], end, *heard[row])

    def heard(self, scores, segments, seconds):
        """What the frozen encoder's classifier hears in each sound: (list of `Sound`, `heard_sounds`), or two None."""
        if scores is None:
            return [(None, None)] * len(seconds)
        found = []
        for clip, count, end in zip(scores.numpy(), segments.numpy(), seconds):
            sounds = strongest_sounds(clip[:count], self.class_names, self.segment_times, end)
            found.append((sounds, heard_sounds(clip[:count].max(axis=0), self.class_names)))
        return found

    def make(self, hypotheses, words, weights, log_probs, seconds, sounds, heard):
        """A `Caption` with its confidence; arguments as for `make_caption` and `Calibration.judge`."""
        named: tuple = ()
        if self.calibration is not None:
            named = self.calibration.judge(words, log_probs, heard), self.calibration.unsure_below
        return make_caption(hypotheses, words, weights, self.step_times, seconds, sounds, *named)

    def _try_read(self, sound, sample_rate):
        """The `SoundFeatures` of a sound, or the `AudioError` that says why it has none."""
        try:
            return self.front_end.read(sound, sample_rate)
        except AudioError as error:
            return error

    def _caption_batch(self, usable, describe):
        sounds, start = [sound for sound, _ in usable], tf.constant([start for _, start in usable])
        found = describe(*self.front_end.batch(sounds), start)
        return self.captions(found, [sound.seconds for sound in sounds])


def _frames(sound):
    return 0 if isinstance(sound, AudioError) else sound.frames
