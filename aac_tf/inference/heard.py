"""A sound that has gone through the frozen network, to be captioned as often as wanted."""

import dataclasses
from typing import Any

import tensorflow as tf

from aac_tf.inference.timeline import caption_timeline


@dataclasses.dataclass(frozen=True, eq=False)
class HeardSound:
    """A sound as a captioner heard it; `Captioner.hear` makes it.

    Reading a long sound and the frozen network take most of the time of a caption. Captions in several styles, or a
    caption and a timeline, of one `HeardSound` share them. With YAMNet, it holds 140 MB for an hour of sound.

    Attributes:
        captioner: `Captioner`.
        features: as of `SoundFeatures`.
        seconds: float, length of the sound.
        embedding: float32 `[1, segments, width]`, as from `CaptioningModel.embed_and_score`; of an ensemble a tuple.
        scores: float32 `[1, segments, classes]` of the frozen encoder's classifier.
        length: int32 `[1]`, number of segments; of an ensemble a tuple.

    Example:
        >>> from aac_tf import Captioner
        >>> heard = Captioner.from_preset("everyday").hear("an_hour.flac")  # doctest: +SKIP
        >>> heard.caption().text, heard.caption(style="clotho").text  # doctest: +SKIP
        >>> for segment in heard.timeline():  # doctest: +SKIP
        ...     print(f"{segment.begin:.1f} {segment.end:.1f} {segment.caption}")
    """

    captioner: Any = dataclasses.field(repr=False)
    features: Any = dataclasses.field(repr=False)
    seconds: float
    embedding: Any = dataclasses.field(repr=False)
    scores: Any = dataclasses.field(repr=False)
    length: Any = dataclasses.field(repr=False)

    def caption(self, beam_size=None, search=None, style=None, constraints=None):
        """Captions the sound.

        Args:
            beam_size: as for `Captioner.caption`.
            search: as for `Captioner.caption`.
            style: str, as for `Captioner.caption`.
            constraints: as for `Captioner.caption`.

        Returns:
            `Caption`, the one that `Captioner.caption` returns.

        Raises:
            StyleError: if the model does not have the style.
            ConstraintError: if no caption of the model can follow the constraints.
        """
        captioner = self.captioner
        describe = captioner.embedded_describer(captioner.search_for(beam_size, search), constraints)
        start = tf.constant([captioner.start_id(style)])
        found = describe(self.embedding, self.scores, self.length, start)
        (caption,) = captioner.maker.captions(found, [self.seconds])
        return caption

    def timeline(self, beam_size=None, search=None, style=None, constraints=None, progress=None):
        """Captions the sound over time; see `Captioner.timeline`.

        Args:
            beam_size: as for `Captioner.caption`.
            search: as for `Captioner.caption`.
            style: str, as for `Captioner.caption`.
            constraints: as for `Captioner.caption`.
            progress: optional function `(done, total)` of percents.

        Returns:
            list of `Segment`, those that `Captioner.timeline` returns.

        Raises:
            TimelineError: if the captioner is an ensemble.
        """
        search = self.captioner.search_for(beam_size, search)
        return caption_timeline(self, search, style, constraints, progress)
