"""Captions of a sound while it goes on."""

import dataclasses

import numpy as np
import tensorflow as tf

from aac_tf.audio.long_spectrogram import StreamedSpectrogram
from aac_tf.embeddings.windowed_encoder import WindowedEncoder
from aac_tf.inference.timeline import Segment, TimelineError, make_segment
from aac_tf.inference.timeline_graph import LONGEST_SECONDS, NOTHING_BEFORE, PENALTY

_ANNOUNCED_SECONDS = 3.0  # after which an ongoing sound is captioned
_WARM_UP_CELLS = 4


@dataclasses.dataclass(frozen=True)
class Update:
    """What a `Listener` has heard.

    Attributes:
        segment: `Segment` that is not silent. If the sound goes on, it ends where the sound was last heard.
        ended: bool, whether the sound has ended. A sound of more than 3 s is reported when it has lasted that long, and
            again when it has ended. One of more than 10 s has several segments.
        new: bool, whether the caption says something else than what was reported before, or follows a silence.
    """

    segment: Segment
    ended: bool
    new: bool


class Listener:
    """Captions a sound while it goes on.

    Each window of the sound goes through the frozen network once, as soon as it is complete. What was heard since the
    end of the last segment is divided as in `Captioner.timeline`, except that a change needs less evidence while it is
    new: the one or two cells after it decide. A sound is therefore usually reported 1.3 s after its end, even if
    another one follows at once. When the next segment is captioned, the change is judged again, as strictly as in
    `Captioner.timeline`. If it is too small, the segment keeps the previous caption. Otherwise the search runs once or
    twice for each segment.

    Args:
        captioner: `Captioner` of a single model with a frozen encoder of windows, such as YAMNet.
        search: as for `Captioner.caption`.
        beam_size: as for `Captioner.caption`.
        style: str, as for `Captioner.caption`.

    Raises:
        TimelineError: if the captioner is an ensemble, or has no such encoder.

    Example:
        >>> from aac_tf import Captioner
        >>> from aac_tf.inference import Listener
        >>> listener = Listener(Captioner.from_preset("everyday"))  # doctest: +SKIP
        >>> for samples in microphone:  # doctest: +SKIP
        ...     for update in listener.hear(samples):
        ...         print(f"{update.segment.begin:.1f} s: {update.segment.caption}")
    """

    def __init__(self, captioner, search=None, beam_size=None, style=None):
        embedder = captioner.model.embedder
        self._graph = captioner.timeline_graph(captioner.search_for(beam_size, search))
        if not isinstance(embedder, WindowedEncoder):
            raise TimelineError(
                "live captions need a run whose frozen encoder works on windows, such as the preset everyday: this run "
                "needs the whole sound for its spectrogram"
            )
        self._captioner = captioner
        self._start = tf.constant([captioner.start_id(style)])
        self._spectrogram = StreamedSpectrogram(captioner.spec)
        classes = len(embedder.class_names)
        self._frames = np.zeros([0, captioner.spec.num_bins], np.float32)  # from the next window on
        # What was heard since the last segment that has ended: inputs of the encoder, scores, features.
        self._rows, self._scores = np.zeros([0, embedder.width], np.float32), np.zeros([0, classes], np.float32)
        self._features = self._frames
        self._first = 0  # number of the first of these rows
        self._samples = 0
        self._loudest = NOTHING_BEFORE  # level of the loudest frame, dB
        # Tokens and log-probabilities of the last caption, and the rows and scores it describes; None after silence.
        self._reported = self._described = None
        # Tokens, log-probabilities and captioned rows of the sound that goes on; None before it is captioned.
        self._announced = None

    def warm_up(self):
        """Compiles what the first sounds need, which takes seconds."""
        rows, frames = _WARM_UP_CELLS * self._graph.cells.rows, self._captioner.spec.segment_length
        row = np.zeros([1, self._captioner.spec.num_bins], np.float32)
        found, scores = self._graph.hear(np.repeat(row, frames, axis=0))
        found, scores = np.repeat(found, rows, axis=0), np.repeat(scores, rows, axis=0)
        self._graph.plan_on(found, scores, np.repeat(row, rows * self._captioner.spec.segment_hop, axis=0), 0.0)
        self._graph.change(found, scores, rows // 2)
        first, last = np.zeros([1], np.int32), np.full([1], rows, np.int32)
        tokens, log_probs, encoded, steps = self._graph.describe(found, first, last, self._start)
        self._captioner.word_log_probs(tokens, encoded, steps, self._start)
        self._graph.merge(np.zeros([1], bool), tokens, log_probs)

    def hear(self, samples):
        """Hears what comes next.

        Args:
            samples: float32 array `[samples]` at `captioner.spec.sample_rate`, full scale at 1; any number.

        Returns:
            list of `Update`, in order of time.
        """
        self._samples += len(samples)
        return self._updates() if self._embed(self._spectrogram.frames(samples)) else []

    def finish(self):
        """Ends the sound.

        Returns:
            list of `Update`, for everything that was not reported yet.
        """
        if not self._samples:
            return []
        self._embed(self._spectrogram.finish())
        return self._updates(end=True) if len(self._rows) else []

    def _embed(self, frames):
        """Embeds the windows that are now complete; returns their number."""
        spec = self._captioner.spec
        self._frames = np.concatenate([self._frames, frames])
        windows = (len(self._frames) - spec.segment_length) // spec.segment_hop + 1
        if windows < 1:
            return 0
        rows, scores = self._graph.hear(self._frames[: (windows - 1) * spec.segment_hop + spec.segment_length])
        self._rows, self._scores = np.concatenate([self._rows, rows]), np.concatenate([self._scores, scores])
        passed = self._frames[: windows * spec.segment_hop]
        self._features = np.concatenate([self._features, passed])
        self._frames = self._frames[len(passed) :]
        return windows

    def _updates(self, end=False):
        planned = self._graph.plan_on(self._rows, self._scores, self._features, self._loudest)
        begins, ends, silent, self._loudest = (value.numpy() for value in planned)
        updates, done, count = [], 0, len(self._rows)
        for index, (begin, stop) in enumerate(zip(begins, ends)):
            is_last = index + 1 == len(begins)
            if is_last and not end:
                updates += [] if silent[index] else self._going_on(begin, count)
                break
            updates += self._silence() if silent[index] else self._ended(begin, stop, end and is_last)
            done = stop
        self._forget(done)
        return updates

    def _silence(self):
        self._announced = self._reported = self._described = None
        return []

    def _going_on(self, begin, stop):
        hop = self._captioner.model.embedder.segment_times[1]
        if self._announced is not None or (stop - begin) * hop < _ANNOUNCED_SECONDS:
            return []
        found = self._reported if self._same_as_before(begin, stop) else self._describe(begin, stop)
        self._announced = *found, stop - begin
        return [] if self._says_nothing(found) else [self._report(begin, stop, found, ended=False)]

    def _ended(self, begin, stop, is_last):
        announced, self._announced = self._announced, None
        same = self._same_as_before(begin, stop)
        # What was captioned is not captioned again, unless there is much more of it, or its caption said nothing.
        if announced is not None and stop - begin <= 2 * announced[2] and not self._says_nothing(announced):
            found = announced[:2]
        else:
            found = self._reported if same else self._describe(begin, stop)
        if self._says_nothing(found):
            return self._silence()
        heard = self._rows[begin:stop], self._scores[begin:stop]
        self._described = self._after_before(*heard) if same else heard
        return [self._report(begin, stop, found, ended=True, is_last=is_last)]

    def _same_as_before(self, begin, stop):
        """Whether all that was heard of a segment shows no change from the one before."""
        if self._described is None:
            return False
        both = self._after_before(self._rows[begin:stop], self._scores[begin:stop])
        return self._graph.change(*both, len(both[0]) - (stop - begin)) < PENALTY

    def _after_before(self, *heard):
        most = round(LONGEST_SECONDS / self._graph.cells.hop) * self._graph.cells.rows
        return [np.concatenate([before[-most:], new]) for before, new in zip(self._described, heard)]

    def _says_nothing(self, found):
        return bool(np.all(found[0] == self._captioner.vocabulary.end_id))

    def _describe(self, begin, stop):
        """The tokens of the caption of some rows, and their log-probabilities."""
        rows = [np.array([row], np.int32) for row in (begin, stop)]
        tokens, _, encoded, steps = self._graph.describe(self._rows, *rows, self._start)
        return tokens[0].numpy(), self._captioner.word_log_probs(tokens, encoded, steps, self._start)[0]

    def _report(self, begin, stop, found, ended, is_last=False):
        (tokens, log_probs), same = found, False
        if self._reported is not None:
            pair = np.stack([self._reported[0], tokens])
            same = not self._graph.merge(np.zeros([2], bool), pair, np.zeros([2], np.float32))[0][1]
        self._reported = tokens, log_probs
        end = self._samples / self._captioner.spec.sample_rate if is_last else self._time(stop)
        times, first = (self._time(begin), end), int(self._first + begin)
        scores = self._scores[begin:stop]
        return Update(make_segment(self._captioner, times, tokens, log_probs, scores, first), ended, not same)

    def _time(self, row):
        """The time at which a row begins."""
        first, hop = self._captioner.model.embedder.segment_times
        return max(first + (self._first + row - 0.5) * hop, 0.0) if self._first + row else 0.0

    def _forget(self, rows):
        hop = self._captioner.spec.segment_hop
        self._rows, self._scores = self._rows[rows:], self._scores[rows:]
        self._features, self._first = self._features[rows * hop :], int(self._first + rows)
