"""The section `embedding`: kinds of frozen encoders."""

from dataclasses import dataclass
from typing import Optional

from aac_tf.config.keys import NEVER, OneOf, key


@dataclass
class NoFrozenEncoderConfig(OneOf):
    """No frozen encoder: the trained encoder takes the spectrogram."""


@dataclass
class WindowedEncoderConfig(OneOf):
    """Keys of frozen encoders that process the spectrogram in windows."""

    batch_windows: Optional[int] = key(
        None,
        "maximum number of windows that go through the network at once; null: the network's default",
        at_least=1,
        settled=NEVER,
        resumable=True,
    )
    normalize: bool = key(
        False, "standardize each dimension of the embeddings with its mean and variance over the training clips"
    )


@dataclass
class YamnetConfig(WindowedEncoderConfig):
    """YAMNet embeddings of 0.96 s windows, 1024 wide."""

    source: Optional[str] = key(
        None,
        "path or hub handle of the weights; null, or a path that does not exist: $AAC_TF_YAMNET, otherwise TF-Hub",
        settled=NEVER,
        resumable=True,
    )
    precision: str = key(
        "float32",
        "precision of the network's convolutions; bfloat16 is faster on CPUs that support it (AVX512-BF16, AMX)",
        choices=("float32", "bfloat16"),
        settled=NEVER,
        resumable=True,
    )


@dataclass
class AstConfig(WindowedEncoderConfig):
    """AST's [CLS] output for half-overlapping windows, 768 wide."""

    source: Optional[str] = key(
        None,
        "folder or hub name of the weights; null, or a path that does not exist: $AAC_TF_AST, otherwise the Hugging "
        "Face hub; random: random weights, for experiments",
        settled=NEVER,
        resumable=True,
    )
    window_seconds: float = key(0.96, "length of the half-overlapping windows, seconds", at_least=0.16, at_most=60)
    precision: str = key("float32", "precision of the network's matrix products", choices=("float32", "bfloat16"))


FROZEN_ENCODERS = {"none": NoFrozenEncoderConfig, "yamnet": YamnetConfig, "ast": AstConfig}
