"""BERT on TensorFlow: captions to one vector each, in batches of similar length."""

from __future__ import annotations

import re

import numpy as np
import tensorflow as tf
from safetensors import SafetensorError, safe_open
from tokenizers import BertWordPieceTokenizer
from tokenizers.models import WordPiece
from transformers import BertConfig, TFBertModel
from transformers import logging as transformers_logging

from aac_tf.embeddings.ast.checkpoint import load_checkpoint
from aac_tf.evaluation.errors import MetricError
from aac_tf.evaluation.sentence.weights import FETCH, VOCABULARY, find_weights

_BATCH = 32
_BUCKET = 8  # tokens; lengths are rounded up to a multiple
_ADVICE = f"delete it and run `{FETCH}`"
_REMEMBERED = 20_000  # captions; 60 MB of embeddings


class CaptionNetwork:
    """A BERT with something on top: the base of the networks of FENSE.

    The result of a caption does not depend on the others, and each caption is computed once: results are remembered,
    so that references are not embedded again for the next predictions.

    Args:
        name: key of `PUBLISHED`, the weights.
        max_tokens: int, number of tokens after which a caption is cut, with the two special ones.

    Raises:
        MetricError: if there are no weights, or they are damaged.
    """

    def __init__(self, name, max_tokens):
        vocabulary, self.path = find_weights(VOCABULARY), find_weights(name)
        self.name = name
        try:
            self._tokenizer = BertWordPieceTokenizer(WordPiece.read_file(str(vocabulary)), lowercase=True)
            self._tokenizer.enable_truncation(max_tokens)
            with safe_open(self.path, framework="numpy") as file:
                config = _config(file)
            if self._tokenizer.get_vocab_size() != config.vocab_size:
                raise ValueError(
                    f"{vocabulary} has {self._tokenizer.get_vocab_size()} words, the network {config.vocab_size}"
                )
            if config.max_position_embeddings < max_tokens:
                raise ValueError(f"it takes {config.max_position_embeddings} tokens, expected {max_tokens}")
            self._bert = _build(config)
            info = load_checkpoint(self._bert, str(self.path))
        except (OSError, ValueError, TypeError, LookupError, SafetensorError) as error:
            raise MetricError(f"cannot load {name} from {self.path}: {error}; {_ADVICE}") from error
        wrong = [*info["missing_keys"], *info["mismatched_keys"]]
        if wrong:
            raise MetricError(f"{name} from {self.path} is no BERT: {wrong[0]} is missing or misshapen; {_ADVICE}")
        self._remembered = {}

    def __call__(self, captions, update=None):
        """Computes the results of captions.

        Args:
            captions: list of str.
            update: optional function `(done, total)`.

        Returns:
            float32 array `[captions, ...]`.
        """
        texts = [self.prepare(caption) for caption in captions]
        due = sorted(set(texts) - self._remembered.keys())
        if len(self._remembered) + len(due) > _REMEMBERED:
            self._remembered.clear()
            due = sorted(set(texts))
        self._remembered.update(self._compute(due, update or (lambda done, total: None)))
        return np.array([self._remembered[text] for text in texts])

    def prepare(self, caption):
        """The text that is tokenized."""
        raise NotImplementedError

    def head(self, hidden, mask):
        """The results of a batch.

        Args:
            hidden: float `[batch, tokens, width]`, BERT's output.
            mask: float `[batch, tokens]`, 1 for tokens, 0 for padding.

        Returns:
            float `[batch, ...]`.
        """
        raise NotImplementedError

    def _compute(self, texts, update):
        """The results of different texts, as `{text: result}`."""
        tokens = {text: encoding.ids for text, encoding in zip(texts, self._tokenizer.encode_batch(texts))}
        buckets = {}
        for text, ids in tokens.items():
            buckets.setdefault(-(-len(ids) // _BUCKET) * _BUCKET, []).append(text)
        results = {}
        for length, members in sorted(buckets.items()):
            for start in range(0, len(members), _BATCH):
                update(len(results), len(texts))
                batch = members[start : start + _BATCH]
                # Always the same shape, so that a result does not depend on how many captions there are.
                ids, mask = np.zeros([2, _BATCH, length], "int32")
                for row, text in enumerate(batch):
                    ids[row, : len(tokens[text])] = tokens[text]
                    mask[row, : len(tokens[text])] = 1
                mask[len(batch) :, 0] = 1
                results.update(zip(batch, self._run(ids, mask).numpy()))
        update(len(results), len(texts))
        return results

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)] * 2)
    def _run(self, ids, mask):
        hidden = self._bert(ids, attention_mask=mask, training=False).last_hidden_state
        return self.head(hidden, tf.cast(mask, hidden.dtype))


def _config(file):
    """The `BertConfig` of the weights in a file of the cache."""
    vocabulary, width = file.get_slice("embeddings.word_embeddings.weight").get_shape()
    layers = {int(found[1]) for name in file.keys() if (found := re.match(r"encoder\.layer\.(\d+)\.", name))}  # noqa: SIM118
    return BertConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        num_hidden_layers=len(layers),
        num_attention_heads=int(file.metadata()["heads"]),
        intermediate_size=file.get_slice("encoder.layer.0.intermediate.dense.weight").get_shape()[0],
        max_position_embeddings=file.get_slice("embeddings.position_embeddings.weight").get_shape()[0],
        type_vocab_size=file.get_slice("embeddings.token_type_embeddings.weight").get_shape()[0],
    )


def _build(config):
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()  # it warns that its TensorFlow classes are deprecated
    try:
        bert = TFBertModel(config, add_pooling_layer=False)
        bert.build_in_name_scope()
    finally:
        transformers_logging.set_verbosity(verbosity)
    return bert
