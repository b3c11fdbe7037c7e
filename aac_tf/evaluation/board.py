"""Captions in TensorBoard while a model trains."""

import os

import tensorflow as tf

from aac_tf.audio import load_audio
from aac_tf.build import build_frozen_encoder
from aac_tf.data.preparation import read_clips
from aac_tf.decoding import Greedy
from aac_tf.evaluation.attention_map import as_png, attention_map
from aac_tf.inference.captioner import Captioner
from aac_tf.models import CaptioningModel
from aac_tf.runs.network import network_origin


class CaptionBoard(tf.keras.callbacks.Callback):
    """Writes captions, references, attention maps and audio of some validation clips to TensorBoard after every epoch.

    Clips are captioned from their sound files with greedy search.

    Args:
        run: `Run` that is being trained; the logs go to `tensorboard/captions` in its folder.
        config: `Config` of the run; `training.samples` is the number of clips.
    """

    def __init__(self, run, config):
        super().__init__()
        self._run = run
        self._config = config
        self._captioner = None
        self._writer = None

    def on_train_begin(self, logs=None):
        """Builds a captioner around the weights that are being trained, unless an earlier `fit` already has."""
        if self._captioner is not None:
            return
        clips = read_clips(self._config, "validation") or ()
        self._clips = list(clips)[: self._config.training.samples]
        if not self._clips:
            return
        trained = self.model
        model = CaptioningModel(
            trained.encoder,
            trained.decoder,
            trained.normalization,
            trained.embedder or build_frozen_encoder(self._config, network_origin(self._run, self._config)),
        )
        self._captioner = Captioner(model, self._run.tokenizer(self._config), self._config)
        self._writer = tf.summary.create_file_writer(os.fspath(self._run.folder / "tensorboard" / "captions"))

    def on_epoch_end(self, epoch, logs=None):
        """Captions the clips and writes the summaries."""
        if self._captioner is None:
            return
        styles = [self._captioner.vocabulary.known_style(clip.style) for clip in self._clips]
        found = self._captioner.caption_each([clip.path for clip in self._clips], search=Greedy(), style=styles)
        with self._writer.as_default(step=epoch):
            for clip, caption in zip(self._clips, found):
                if isinstance(caption, Exception):
                    continue
                waveform, rate = load_audio(clip.path)
                picture = as_png(
                    attention_map(caption, waveform.numpy(), rate, title=f"{clip.name}: {caption.text}"), dpi=150
                )
                references = "".join(f"\n- {text}" for text in clip.captions)
                tf.summary.text(f"{clip.name}/caption", f"**{caption.text}**\n{references}")
                tf.summary.image(f"{clip.name}/attention", tf.io.decode_png(picture, 3)[tf.newaxis])
                if epoch == 0:
                    # The audio is the same in all epochs.
                    tf.summary.audio(f"{clip.name}/sound", waveform[tf.newaxis, :, tf.newaxis], rate, encoding="wav")
        self._writer.flush()
