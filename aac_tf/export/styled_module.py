"""The `tf.Module` of exported captioners that know styles."""

import tensorflow as tf

from aac_tf.audio.checks import first_reason
from aac_tf.export.module import CaptioningModule
from aac_tf.text.styles import NO_STYLE

STYLE = tf.TensorSpec([None], tf.string, name="style")


class StyledCaptioningModule(CaptioningModule):
    """A `CaptioningModule` with three more signatures, which take a style.

    `waveform_to_text_in_style`, `wav_to_text_in_style` and `timeline_in_style` have an input `style`, string `[batch]`
    (`[1]` for a timeline): names of styles, `none`, or empty for the captioner's default, which all other signatures
    use.
    """

    def __init__(self, captioner, vocabulary, search):
        super().__init__(captioner, vocabulary, search)
        if hasattr(self, "timeline"):
            signature = [
                tf.TensorSpec([None], tf.float32, name="waveform"),
                tf.TensorSpec([1], tf.string, name="style"),
            ]
            self.timeline_in_style = tf.function(self._timeline, signature, autograph=False)

    @tf.function(input_signature=[*CaptioningModule.waveform_to_text.input_signature, STYLE], autograph=False)
    def waveform_to_text_in_style(self, waveform, length, style):
        """`waveform_to_text` with a style for each row."""
        return self._caption(self._checked(waveform, length), attention=False, style=style)

    @tf.function(input_signature=[*CaptioningModule.wav_to_text.input_signature, STYLE], autograph=False)
    def wav_to_text_in_style(self, wav_bytes, style):
        """`wav_to_text` with a style for each row."""
        return self._caption(self._read(wav_bytes), attention=False, style=style)

    def signatures(self):
        """Returns the signatures of the SavedModel, a dict of name to function."""
        return {
            **super().signatures(),
            "waveform_to_text_in_style": self.waveform_to_text_in_style,
            "wav_to_text_in_style": self.wav_to_text_in_style,
            **({"timeline_in_style": self.timeline_in_style} if hasattr(self, "timeline") else {}),
        }

    def _start(self, style, status):
        if style is None:
            return super()._start(style, status)
        captioner = self._captioner()
        ids = {"": captioner.start_id(), NO_STYLE: captioner.start_id(NO_STYLE), **captioner.tokenizer.styles}
        same = tf.equal(style[:, tf.newaxis], list(ids))
        start = tf.reduce_max(tf.where(same, list(ids.values()), -1), axis=1)
        unknown = tf.strings.join(["no style ", style, ": there are ", ", ".join([*captioner.styles, NO_STYLE])])
        status = first_reason((tf.equal(status, ""), status), (start >= 0, unknown))
        return tf.maximum(start, 0), status
