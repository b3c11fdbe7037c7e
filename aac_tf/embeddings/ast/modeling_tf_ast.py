"""The Audio Spectrogram Transformer (AST) as a TensorFlow model of the transformers library.

Y. Gong, Y.-A. Chung, J. Glass, AST: Audio Spectrogram Transformer, Interspeech 2021, https://arxiv.org/abs/2104.01778.
transformers has the model for PyTorch only. This one takes the library's `ASTConfig`, and its weights have the names
and meanings of the PyTorch weights, so that checkpoints are interchangeable.
"""

from __future__ import annotations

import logging

import numpy as np
import tensorflow as tf
from transformers import ASTConfig, PretrainedConfig, TFPreTrainedModel
from transformers.activations_tf import get_tf_activation
from transformers.modeling_tf_outputs import (
    TFBaseModelOutput,
    TFBaseModelOutputWithPooling,
    TFSequenceClassifierOutput,
)
from transformers.modeling_tf_utils import (
    TFSequenceClassificationLoss,
    get_initializer,
    keras,
    keras_serializable,
    unpack_inputs,
)

from aac_tf.embeddings.ast.checkpoint import check_loaded, find_checkpoint, load_checkpoint, save_checkpoint
from aac_tf.embeddings.ast.positions import patch_grid, resize_positions

logger = logging.getLogger(__name__)

_HUB_ARGUMENTS = ("cache_dir", "force_download", "local_files_only", "proxies", "revision", "subfolder", "token")


class TFASTPatchEmbeddings(keras.layers.Layer):
    """Spectrograms `[batch, frames, bins]` to patches `[batch, patches, width]`, ordered by frequency, then time."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.projection = keras.layers.Conv2D(
            config.hidden_size,
            config.patch_size,
            strides=(config.frequency_stride, config.time_stride),
            kernel_initializer=get_initializer(config.initializer_range),
            name="projection",
        )

    def call(self, input_values):
        patches = self.projection(tf.transpose(input_values, [0, 2, 1])[..., tf.newaxis])
        return tf.reshape(patches, [tf.shape(patches)[0], np.prod(patch_grid(self.config)), self.config.hidden_size])

    def build(self, input_shape=None):
        if not self.built:
            self.built = True
            _build(self.projection, [None, None, None, 1])


class TFASTEmbeddings(keras.layers.Layer):
    """The input tokens of the encoder with position embeddings: [CLS], distillation, patches."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.patch_embeddings = TFASTPatchEmbeddings(config, name="patch_embeddings")
        self.dropout = keras.layers.Dropout(config.hidden_dropout_prob)

    def call(self, input_values, training=False):
        patches = self.patch_embeddings(input_values)
        first = tf.concat([self.cls_token, self.distillation_token], axis=1)
        tokens = tf.concat([tf.repeat(first, tf.shape(patches)[0], axis=0), patches], axis=1)
        return self.dropout(tokens + self.position_embeddings, training=training)

    def build(self, input_shape=None):
        if not self.built:
            self.built = True
            positions = 2 + int(np.prod(patch_grid(self.config)))
            for name, count in (("cls_token", 1), ("distillation_token", 1), ("position_embeddings", positions)):
                shape = [1, count, self.config.hidden_size]
                setattr(self, name, self.add_weight(name=name, shape=shape, initializer="zeros"))
            _build(self.patch_embeddings)


class TFASTSelfAttention(keras.layers.Layer):
    """Multi-head scaled dot-product attention without the output projection."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        if config.hidden_size % config.num_attention_heads:
            raise ValueError(
                f"hidden_size={config.hidden_size} must be a multiple of "
                f"num_attention_heads={config.num_attention_heads}"
            )
        self.config = config
        self.head_size = config.hidden_size // config.num_attention_heads
        self.query, self.key, self.value = (
            _dense(config, config.hidden_size, name, use_bias=config.qkv_bias) for name in ("query", "key", "value")
        )
        self.dropout = keras.layers.Dropout(config.attention_probs_dropout_prob)

    def call(self, hidden_states, head_mask=None, training=False):
        # Scale the queries, which are fewer than the scores.
        query = self._heads(self.query(hidden_states) * tf.cast(self.head_size**-0.5, hidden_states.dtype))
        key, value = self._heads(self.key(hidden_states)), self._heads(self.value(hidden_states))
        scores = tf.matmul(query, key, transpose_b=True)
        # In float32 even in half precision, as in PyTorch.
        attention = tf.cast(tf.nn.softmax(tf.cast(scores, tf.float32), axis=-1), scores.dtype)
        attention = self.dropout(attention, training=training)
        if head_mask is not None:
            attention *= tf.cast(head_mask, attention.dtype)
        context = tf.transpose(tf.matmul(attention, value), [0, 2, 1, 3])
        return tf.reshape(context, tf.shape(hidden_states)), attention

    def _heads(self, tensor):
        """Splits `[batch, tokens, width]` into `[batch, heads, tokens, head size]`."""
        shape = [tf.shape(tensor)[0], -1, self.config.num_attention_heads, self.head_size]
        return tf.transpose(tf.reshape(tensor, shape), [0, 2, 1, 3])

    def build(self, input_shape=None):
        if not self.built:
            self.built = True
            for layer in (self.query, self.key, self.value):
                _build(layer, [None, None, self.config.hidden_size])


class TFASTOutput(keras.layers.Layer):
    """The output projection of the attention and of the feed-forward block."""

    def __init__(self, config, input_size, **kwargs):
        super().__init__(**kwargs)
        self.input_size = input_size
        self.dense = _dense(config, config.hidden_size, "dense")
        self.dropout = keras.layers.Dropout(config.hidden_dropout_prob)

    def call(self, hidden_states, training=False):
        return self.dropout(self.dense(hidden_states), training=training)

    def build(self, input_shape=None):
        if not self.built:
            self.built = True
            _build(self.dense, [None, None, self.input_size])


class TFASTAttention(keras.layers.Layer):
    """Self-attention and its output projection."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.self_attention = TFASTSelfAttention(config, name="attention")
        self.attention_output = TFASTOutput(config, config.hidden_size, name="output")

    def call(self, hidden_states, head_mask=None, training=False):
        context, attention = self.self_attention(hidden_states, head_mask, training=training)
        return self.attention_output(context, training=training), attention

    def build(self, input_shape=None):
        if not self.built:
            self.built = True
            _build(self.self_attention)
            _build(self.attention_output)


class TFASTIntermediate(keras.layers.Layer):
    """The first half of the feed-forward block."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.dense = _dense(config, config.intermediate_size, "dense")
        activation = config.hidden_act
        self.activation = get_tf_activation(activation) if isinstance(activation, str) else activation

    def call(self, hidden_states):
        return self.activation(self.dense(hidden_states))

    def build(self, input_shape=None):
        if not self.built:
            self.built = True
            _build(self.dense, [None, None, self.config.hidden_size])


class TFASTLayer(keras.layers.Layer):
    """A pre-norm layer of the encoder: attention and feed-forward block."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.attention = TFASTAttention(config, name="attention")
        self.intermediate = TFASTIntermediate(config, name="intermediate")
        self.layer_output = TFASTOutput(config, config.intermediate_size, name="output")
        self.layernorm_before = _layer_norm(config, "layernorm_before")
        self.layernorm_after = _layer_norm(config, "layernorm_after")

    def call(self, hidden_states, head_mask=None, training=False):
        change, attention = self.attention(self.layernorm_before(hidden_states), head_mask, training=training)
        hidden_states += change
        wide = self.intermediate(self.layernorm_after(hidden_states))
        return hidden_states + self.layer_output(wide, training=training), attention

    def build(self, input_shape=None):
        if not self.built:
            self.built = True
            for layer in (self.attention, self.intermediate, self.layer_output):
                _build(layer)
            for layer in (self.layernorm_before, self.layernorm_after):
                _build(layer, [None, None, self.config.hidden_size])


class TFASTEncoder(keras.layers.Layer):
    """The stack of encoder layers."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.layer = [TFASTLayer(config, name=f"layer_._{number}") for number in range(config.num_hidden_layers)]

    def call(
        self,
        hidden_states,
        head_mask=None,
        output_attentions=False,
        output_hidden_states=False,
        return_dict=True,
        training=False,
    ):
        all_hidden_states, attentions = [hidden_states], []
        for number, layer in enumerate(self.layer):
            layer_head_mask = None if head_mask is None else head_mask[number]
            hidden_states, attention = layer(hidden_states, layer_head_mask, training=training)
            # Keep only what was asked for: a layer's attention over 1214 tokens takes 70 MB per spectrogram.
            all_hidden_states += [hidden_states] if output_hidden_states else []
            attentions += [attention] if output_attentions else []
        output = TFBaseModelOutput(
            last_hidden_state=hidden_states,
            hidden_states=tuple(all_hidden_states) if output_hidden_states else None,
            attentions=tuple(attentions) if output_attentions else None,
        )
        return output if return_dict else output.to_tuple()

    def build(self, input_shape=None):
        if not self.built:
            self.built = True
            for layer in self.layer:
                _build(layer)


@keras_serializable
class TFASTMainLayer(keras.layers.Layer):
    """The whole transformer as a layer, shared by the models below."""

    config_class = ASTConfig

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.embeddings = TFASTEmbeddings(config, name="embeddings")
        self.encoder = TFASTEncoder(config, name="encoder")
        self.layernorm = _layer_norm(config, "layernorm")

    def get_input_embeddings(self):
        return self.embeddings.patch_embeddings

    @unpack_inputs
    def call(
        self,
        input_values=None,
        head_mask=None,
        output_attentions=None,
        output_hidden_states=None,
        return_dict=None,
        training=False,
    ):
        if input_values is None:
            raise ValueError("You have to specify input_values")
        self._check_shape(input_values)
        tokens = self.embeddings(input_values, training=training)
        encoded = self.encoder(
            tokens,
            head_mask=self._head_mask(head_mask),
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
            training=training,
        )
        last = self.layernorm(encoded.last_hidden_state)
        # As in PyTorch, the last hidden state is the normalized one.
        hidden_states = encoded.hidden_states and (*encoded.hidden_states[:-1], last)
        output = TFBaseModelOutputWithPooling(
            last_hidden_state=last,
            pooler_output=(last[:, 0] + last[:, 1]) / 2,
            hidden_states=hidden_states,
            attentions=encoded.attentions,
        )
        return output if return_dict else output.to_tuple()

    def _check_shape(self, input_values):
        expected = [None, self.config.max_length, self.config.num_mel_bins]
        if not input_values.shape.is_compatible_with(expected):
            raise ValueError(
                f"input_values must be [batch, max_length, num_mel_bins] = {expected}, got {input_values.shape}; "
                "resize_time(max_length) returns a model for another number of frames"
            )

    def _head_mask(self, head_mask):
        """One mask `[1, heads, 1, 1]` per layer from a mask `[heads]` or `[layers, heads]`; None from None."""
        if head_mask is None:
            return None
        shape = [self.config.num_hidden_layers, self.config.num_attention_heads]
        return tf.broadcast_to(tf.convert_to_tensor(head_mask), shape)[:, tf.newaxis, :, tf.newaxis, tf.newaxis]

    def build(self, input_shape=None):
        if not self.built:
            self.built = True
            _build(self.embeddings)
            _build(self.encoder)
            _build(self.layernorm, [None, None, self.config.hidden_size])


class TFASTMLPHead(keras.layers.Layer):
    """The classifier: layer normalization and a linear layer."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.layernorm = _layer_norm(config, "layernorm")
        self.dense = _dense(config, config.num_labels, "dense")

    def call(self, pooled):
        return self.dense(self.layernorm(pooled))

    def build(self, input_shape=None):
        if not self.built:
            self.built = True
            _build(self.layernorm, [None, self.config.hidden_size])
            _build(self.dense, [None, self.config.hidden_size])


class TFASTPreTrainedModel(TFPreTrainedModel):
    """Base class of the models: loading, saving, and resizing to another number of frames."""

    config_class = ASTConfig
    base_model_prefix = "audio_spectrogram_transformer"
    main_input_name = "input_values"

    @property
    def input_signature(self):
        shape = [None, self.config.max_length, self.config.num_mel_bins]
        return {"input_values": tf.TensorSpec(shape, tf.float32, name="input_values")}

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path,
        *model_args,
        config=None,
        strict=True,
        ignore_mismatched_sizes=False,
        **kwargs,
    ):
        """Loads a model from a folder or the hub; PyTorch's safetensors are read without PyTorch.

        Args:
            pretrained_model_name_or_path: folder, or name of a model on the hub.
            *model_args: further arguments of the model.
            config: `ASTConfig`; None takes the checkpoint's.
            strict: bool, whether missing or unexpected weights are an error; otherwise a warning lists them. A model
                without a head ignores the classifier of a checkpoint.
            ignore_mismatched_sizes: bool, whether weights with other shapes, such as a classifier for other labels, are
                newly initialized; otherwise they are an error.
            **kwargs: as for every model of transformers, such as `revision`, `local_files_only` or values of the
                configuration.

        Returns:
            The model; with `output_loading_info=True` a pair of the model and a dict of the names that did not fit.

        Raises:
            OSError: if the folder or model cannot be found or read.
            ValueError: if the weights do not fit the model.
        """
        name, wants_info = pretrained_model_name_or_path, kwargs.pop("output_loading_info", False)
        hub = {key: kwargs[key] for key in _HUB_ARGUMENTS if kwargs.get(key) is not None}
        if not isinstance(config, PretrainedConfig):
            config, kwargs = cls.config_class.from_pretrained(config or name, return_unused_kwargs=True, **kwargs)
        kwargs = {key: value for key, value in kwargs.items() if key not in _HUB_ARGUMENTS}
        path = None if kwargs.get("from_pt") else find_checkpoint(name, **hub)
        if path is None:
            kwargs.update(hub, config=config, ignore_mismatched_sizes=ignore_mismatched_sizes)
            model, info = super().from_pretrained(name, *model_args, output_loading_info=True, **kwargs)
        else:
            config.name_or_path = str(name)
            model = cls(config, *model_args, **kwargs)
            model.build_in_name_scope()
            info = load_checkpoint(model, path)
        if strict:
            check_loaded(model, info, ignore_mismatched_sizes)
        elif any(info.values()):
            logger.warning("Some weights of %s do not fit %s: %s", name, cls.__name__, info)
        return (model, info) if wants_info else model

    def save_pretrained(self, save_directory, safe_serialization=True, **kwargs):
        """Saves configuration and weights; safetensors have PyTorch's names and layout, so that PyTorch loads them too.

        Args:
            save_directory: folder.
            safe_serialization: bool; False writes TensorFlow's HDF5 file instead.
            **kwargs: as for every model of transformers. Weights are always saved as one file.
        """
        if kwargs.pop("push_to_hub", False):
            raise ValueError("save_pretrained does not support push_to_hub: call model.push_to_hub(repository)")
        kwargs["max_shard_size"] = "1000GB"
        super().save_pretrained(save_directory, safe_serialization=safe_serialization, **kwargs)
        if safe_serialization:
            save_checkpoint(self, save_directory)

    # AutoGraph would convert the whole library, which takes ten times as long as everything else before the first step.
    @tf.autograph.experimental.do_not_convert
    def train_step(self, data):
        return super().train_step(data)

    @tf.autograph.experimental.do_not_convert
    def test_step(self, data):
        return super().test_step(data)

    def resize_time(self, max_length):
        """Copies the model for spectrograms with another number of frames.

        Args:
            max_length: int, number of frames. For fewer frames the position embeddings are cut from the middle of the
                time axis, for more they are interpolated, as in the original AST.

        Returns:
            A new model of the same class that shares no weights with this one.

        Raises:
            ValueError: if there are fewer frames than in a patch.
        """
        config = self.config_class.from_dict({**self.config.to_dict(), "max_length": int(max_length)})
        model = type(self)(config, name=self.name)
        for part in (self, model):
            part.build_in_name_scope()
        for old, new in zip(self.weights, model.weights):
            same = old.shape == new.shape
            new.assign(old if same else resize_positions(old.numpy(), self.config, max_length))
        return model


class TFASTModel(TFASTPreTrainedModel):
    """AST without a head.

    Args:
        config: `ASTConfig`.

    Call arguments:
        input_values: float `[batch, max_length, num_mel_bins]`, a normalized `AST` spectrogram (see
            `TFASTFeatureExtractor`).
        head_mask: optional float `[num_heads]` or `[num_layers, num_heads]`, 0 for heads to mask.
        output_attentions: bool, whether to return each layer's attention `[batch, heads, tokens, tokens]`.
        output_hidden_states: bool, whether to return the input of each layer and the last hidden state, each
            `[batch, tokens, width]`.
        return_dict: bool, whether to return an output object instead of a tuple.
        training: bool, whether dropout is active.

    Returns:
        `TFBaseModelOutputWithPooling`: `last_hidden_state` `[batch, tokens, width]` with the tokens [CLS], distillation
        and patches; `pooler_output` `[batch, width]`, the mean of the first two.

    Example:
        >>> import tensorflow as tf
        >>> from transformers import ASTConfig
        >>> from aac_tf.embeddings import TFASTFeatureExtractor, TFASTModel
        >>> model = TFASTModel(ASTConfig(hidden_size=24, num_hidden_layers=1, num_attention_heads=3))
        >>> model(TFASTFeatureExtractor()(tf.zeros([2, 16000]))).pooler_output.shape
        TensorShape([2, 24])
        >>> model = TFASTModel.from_pretrained("MIT/ast-finetuned-audioset-10-10-0.4593")  # doctest: +SKIP
    """

    def __init__(self, config, *inputs, **kwargs):
        super().__init__(config, *inputs, **kwargs)
        self.audio_spectrogram_transformer = TFASTMainLayer(config, name="audio_spectrogram_transformer")

    @unpack_inputs
    def call(
        self,
        input_values=None,
        head_mask=None,
        output_attentions=None,
        output_hidden_states=None,
        return_dict=None,
        training=False,
    ):
        return self.audio_spectrogram_transformer(
            input_values=input_values,
            head_mask=head_mask,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
            return_dict=return_dict,
            training=training,
        )

    def build(self, input_shape=None):
        if not self.built:
            self.built = True
            _build(self.audio_spectrogram_transformer)


class TFASTForAudioClassification(TFASTPreTrainedModel, TFSequenceClassificationLoss):
    """AST with a classifier on the pooled output.

    Args:
        config: `ASTConfig`; `num_labels` is the number of classes, and `problem_type="multi_label_classification"`
            allows several per example.

    Call arguments:
        input_values, head_mask, output_attentions, output_hidden_states, return_dict, training: as for `TFASTModel`.
        labels: optional; int `[batch]`, or float `[batch]` if `num_labels` is 1 (regression), or 0 and 1
            `[batch, num_labels]` for multi-label classification.

    Returns:
        `TFSequenceClassifierOutput`: `logits` `[batch, num_labels]`; with labels also `loss` `[batch]`, per example.
    """

    def __init__(self, config, *inputs, **kwargs):
        super().__init__(config, *inputs, **kwargs)
        self.num_labels = config.num_labels
        self.audio_spectrogram_transformer = TFASTMainLayer(config, name="audio_spectrogram_transformer")
        self.classifier = TFASTMLPHead(config, name="classifier")

    @unpack_inputs
    def call(
        self,
        input_values=None,
        head_mask=None,
        labels=None,
        output_attentions=None,
        output_hidden_states=None,
        return_dict=None,
        training=False,
    ):
        outputs = self.audio_spectrogram_transformer(
            input_values=input_values,
            head_mask=head_mask,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
            return_dict=True,
            training=training,
        )
        logits = self.classifier(outputs.pooler_output)
        output = TFSequenceClassifierOutput(
            loss=None if labels is None else self.hf_compute_loss(labels, logits),
            logits=logits,
            hidden_states=outputs.hidden_states,
            attentions=outputs.attentions,
        )
        return output if return_dict else output.to_tuple()

    def hf_compute_loss(self, labels, logits):
        if self.config.problem_type == "multi_label_classification":
            labels = tf.cast(labels, logits.dtype)
            return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits), axis=-1)
        return super().hf_compute_loss(labels, logits)

    def build(self, input_shape=None):
        if not self.built:
            self.built = True
            _build(self.audio_spectrogram_transformer)
            _build(self.classifier)


def _dense(config, units, name, use_bias=True):
    initializer = get_initializer(config.initializer_range)
    return keras.layers.Dense(units, use_bias=use_bias, kernel_initializer=initializer, name=name)


def _layer_norm(config, name):
    return keras.layers.LayerNormalization(epsilon=config.layer_norm_eps, name=name)


def _build(layer, input_shape=None):
    # In its name scope, which becomes part of the weight's name in the checkpoint.
    with tf.name_scope(layer.name):
        layer.build(input_shape)
