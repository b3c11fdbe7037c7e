"""TensorBoard's view of what a captioner says while it trains."""

import os

import tensorflow as tf

from aac_tf.audio import load_audio
from aac_tf.build import build_clips, build_embedder
from aac_tf.evaluation.attention_map import as_png, attention_map
from aac_tf.inference.captioner import Captioner
from aac_tf.models import CaptioningModel


class CaptionBoard(tf.keras.callbacks.Callback):
    """Shows some validation clips after every epoch: caption, references, picture of the attention, and the sound.

    Captions are found by greedy search, from the sound files, as a user of the run would get them.

    Args:
        run: `Run` that is being trained; TensorBoard's files go to its folder `tensorboard/captions`.
        config: its `Config`; `training.samples` clips are shown.
    """

    def __init__(self, run, config):
        super().__init__()
        self._run = run
        self._config = config
        self._captioner = None
        self._writer = None

    def on_train_begin(self, logs=None):
        """Makes a captioner around the weights that are being trained; once, however often training goes on."""
        if self._captioner is not None:
            return
        clips = build_clips(self._config, "validation") or ()
        self._clips = list(clips)[: self._config.training.samples]
        if not self._clips:
            return
        trained = self.model
        model = CaptioningModel(
            trained.encoder,
            trained.decoder,
            trained.normalization,
            trained.embedder or build_embedder(self._config),
        )
        self._captioner = Captioner(model, self._run.tokenizer(self._config), self._config)
        self._writer = tf.summary.create_file_writer(os.fspath(self._run.folder / "tensorboard" / "captions"))

    def on_epoch_end(self, epoch, logs=None):
        """Captions and writes."""
        if self._captioner is None:
            return
        found = self._captioner.caption_each([clip.path for clip in self._clips], beam_size=1)
        with self._writer.as_default(step=epoch):
            for number, (clip, caption) in enumerate(zip(self._clips, found), 1):
                if isinstance(caption, Exception):
                    continue
                waveform, rate = load_audio(clip.path)
                picture = as_png(attention_map(caption, waveform.numpy(), rate, title=f"{clip.name}: {caption.text}"))
                references = "".join(f"\n- {text}" for text in clip.captions)
                tf.summary.text(f"{number}/caption", f"**{caption.text}**\n{references}")
                tf.summary.image(f"{number}/attention", tf.io.decode_png(picture, 3)[tf.newaxis])
                if epoch == 0:
                    # The sound stays the same.
                    tf.summary.audio(f"{number}/sound", waveform[tf.newaxis, :, tf.newaxis], rate, encoding="wav")
        self._writer.flush()
