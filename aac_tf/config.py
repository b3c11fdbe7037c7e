"""The experiment config: typed dataclasses, read from YAML and overridden by `key=value` on the command line."""

import dataclasses
import difflib
from dataclasses import dataclass, field
from typing import Dict, List, Optional

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from aac_tf.errors import AacError


class ConfigError(AacError, ValueError):
    """A config key or value that this project does not take."""


def _key(default, about, choices=None, least=None):
    """Dataclass field with what a user needs to know of it; a mutable default is copied for every config."""
    metadata = {"about": about, "choices": choices, "least": least}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass
class DataConfig:
    """Which clips, and how they are read and batched."""

    source: str = _key("clotho", "kind of dataset", choices=("clotho", "audiocaps", "manifest", "scenes"))
    root: Optional[str] = _key(None, "folder of the dataset")
    validation_fraction: float = _key(
        0.0, "share of training clips held out where there is no validation split", least=0
    )
    max_clips: Optional[int] = _key(None, "use only the first clips of each split (for a quick look)", least=1)
    on_bad_audio: str = _key("skip", "what to do with files that cannot be used", choices=("skip", "fail"))
    max_seconds: Optional[float] = _key(None, "clips longer than this count as unusable for training", least=0.1)
    captions_per_clip: str = _key(
        "one",
        "one: each caption is an example; all: a clip is encoded once for all its captions",
        choices=("one", "all"),
    )
    static_shapes: bool = _key(
        False, "pad batches to a few fixed shapes, of bucket_seconds and batch_size, as XLA and TPUs want them"
    )
    bucket_seconds: List[float] = _key([5.0, 10.0, 15.0, 20.0, 25.0], "upper bounds of the length buckets, in seconds")
    cache: str = _key(
        "none", "keep spectrograms, or stored embeddings, in memory after the first reading", choices=("none", "memory")
    )
    embedding_store: str = _key(
        "on",
        "compute the frozen network's embeddings once and keep them: with so many augmented views of each training "
        "clip (on: 4), from which specaugment.probability draws; off: compute them every epoch",
    )
    embedding_folder: Optional[str] = _key(
        None, "where they are kept; null: the folder embeddings in $AAC_TF_CACHE or ~/.cache/aac_tf"
    )

    def stored_views(self):
        """Augmented views that the embedding store keeps of each clip; None where there is no store."""
        # YAML reads an unquoted `on` as true.
        words = {"on": 4, "true": 4, "off": None, "false": None}
        value = self.embedding_store.lower()
        return words[value] if value in words else int(value)


@dataclass
class ScenesConfig:
    """The composed corpus of `data.source=scenes`; it is made in `data.root` when it is not there."""

    bank: str = _key("synthetic", "`synthetic`, or a folder of labelled clips with a CSV of file_name,category")
    train: int = _key(1000, "training scenes", least=1)
    validation: int = _key(60, "validation scenes", least=1)
    test: int = _key(100, "test scenes", least=1)
    sample_rate: int = _key(16000, "Hz of the files written", least=8000)
    min_seconds: float = _key(4.0, "shortest scene", least=1)
    max_seconds: float = _key(12.0, "longest scene", least=1)
    max_events: int = _key(3, "most events in a scene", least=1)
    seed: int = _key(0, "the corpus is a function of this and of the keys above", least=0)


@dataclass
class AudioConfig:
    """The front end: a named spectrogram, some of whose values can be replaced."""

    spec: str = _key("DCASE2020", "named spectrogram", choices=("DCASE2020",))
    sample_rate: Optional[int] = _key(None, "Hz; replaces the named spectrogram's", least=1000)
    window_length: Optional[int] = _key(None, "samples; replaces the named spectrogram's", least=2)
    hop_length: Optional[int] = _key(None, "samples; replaces the named spectrogram's", least=1)
    fft_length: Optional[int] = _key(None, "samples; replaces the named spectrogram's", least=2)
    num_bins: Optional[int] = _key(None, "mel bins; replaces the named spectrogram's", least=1)
    fmax: Optional[float] = _key(None, "Hz; replaces the named spectrogram's", least=1)
    normalize: bool = _key(False, "shift and scale every bin by its mean and deviation over the training clips")


@dataclass
class EmbeddingConfig:
    """A frozen network between spectrogram and encoder; it brings its own spectrogram."""

    kind: str = _key("none", "frozen network", choices=("none", "yamnet", "ast"))
    source: Optional[str] = _key(
        None,
        "file, folder or name of its weights; null, or not here: the copy named by $AAC_TF_YAMNET or $AAC_TF_AST; null "
        "without these: TF-Hub's, or the Hugging Face hub's; `random` of ast: random weights, to try things out",
    )
    batch_windows: Optional[int] = _key(
        None, "most windows that go through it at once; null: what suits the network", least=1
    )
    window_seconds: float = _key(0.96, "window of an embedding, of ast; a new one begins after half of it", least=0.16)
    precision: str = _key("float32", "of the network's matrix products, of ast", choices=("float32", "bfloat16"))


@dataclass
class SpecAugmentConfig:
    """Masks on training spectrograms."""

    probability: float = _key(0.4, "share of training examples that are masked", least=0)
    max_frames: int = _key(192, "longest time mask, frames", least=0)
    max_bins: int = _key(48, "widest frequency mask, bins", least=0)


@dataclass
class VocabularyConfig:
    """Which words the model knows."""

    min_count: int = _key(10, "a word must occur this often in the training captions", least=1)
    max_words: int = _key(20, "longer captions are cut", least=1)
    padding: str = _key(
        "<PAD>", "<PAD>, or <END> for a vocabulary of <START> <END> and words", choices=("<PAD>", "<END>")
    )


@dataclass
class EncoderConfig:
    """Stacked bi-directional recurrent layers with temporal sub-sampling."""

    cell: str = _key("lstm", "recurrent cell", choices=("lstm", "gru"))
    layers: int = _key(2, "stacked layers", least=1)
    units: int = _key(256, "units a direction", least=1)
    subsampling: int = _key(1, "M: every M-th step is kept between layers", least=1)
    residual: bool = _key(False, "add a layer's input to its output, from the second layer on")
    dropout: float = _key(0.0, "dropout after every layer", least=0)


@dataclass
class DecoderConfig:
    """The language side."""

    kind: str = _key(
        "attention", "attention over the steps, or their last as one vector", choices=("attention", "fixed_vector")
    )
    units: int = _key(256, "units of the decoder's cell", least=1)
    embedding: int = _key(256, "size of a word's embedding (attention decoder)", least=1)
    attention_units: int = _key(256, "size of the attention's hidden layer", least=1)
    dropout: float = _key(0.0, "dropout before the word classifier", least=0)


@dataclass
class TrainingConfig:
    """Optimization."""

    epochs: int = _key(50, "epochs at the most", least=1)
    batch_size: int = _key(32, "examples a batch (clips with data.captions_per_clip=all)", least=1)
    learning_rate: float = _key(1e-4, "Adam's step size")
    lr_factor: float = _key(0.5, "the step size is multiplied by this after a stall")
    lr_patience: Optional[int] = _key(3, "epochs without a better `monitor` that make a stall; null: never", least=1)
    min_learning_rate: float = _key(0.0, "the step size never falls below this", least=0)
    clip_norm: Optional[float] = _key(None, "limit of the gradients' global norm")
    monitor: str = _key(
        "val_bleu",
        "what the best checkpoint is best at; val_bleu: mean of BLEU-1 to 4",
        choices=("val_bleu", "val_loss", "loss"),
    )
    monitor_decimals: Optional[int] = _key(None, "`monitor` is rounded to this before it is compared", least=0)
    stop_patience: Optional[int] = _key(None, "stop after this many epochs without improvement", least=1)
    word_weights: str = _key(
        "none",
        "weight of a word in the loss; rarity: min f / f_w, at least word_weight_floor",
        choices=("none", "rarity"),
    )
    word_weight_floor: float = _key(0.5, "smallest weight of a word (beta)", least=0)
    strategy: str = _key(
        "auto",
        "devices; mirrored: all GPUs here; multiworker: the cluster in TF_CONFIG; auto: what there is",
        choices=("auto", "one", "mirrored", "multiworker", "tpu"),
    )
    precision: str = _key(
        "float32",
        "of the recurrent layers' products, in training; weights, attention, logits and loss stay float32",
        choices=("float32", "bfloat16", "float16"),
    )
    xla: bool = _key(False, "compile training steps with XLA; with data.static_shapes=true, or it compiles ever anew")
    save_minutes: Optional[float] = _key(
        10.0, "save the run this often within an epoch, on one machine; null: at its end only", least=0
    )
    samples: int = _key(3, "validation captions shown after every epoch", least=0)


@dataclass
class DecodingConfig:
    """How words are searched for."""

    beam_size: int = _key(3, "hypotheses kept; 1 is greedy search", least=1)
    length_penalty: float = _key(
        0.0, "log-probabilities are divided by words ** this when hypotheses are ranked", least=0
    )


@dataclass
class Config:
    """A whole experiment."""

    name: str = _key("experiment", "name of the run folder below runs/")
    seed: int = _key(0, "of everything random", least=0)
    paper: Dict[str, float] = field(
        default_factory=dict, metadata={"about": "the scores the paper reports for this experiment"}
    )
    data: DataConfig = field(default_factory=DataConfig)
    scenes: ScenesConfig = field(default_factory=ScenesConfig)
    audio: AudioConfig = field(default_factory=AudioConfig)
    embedding: EmbeddingConfig = field(default_factory=EmbeddingConfig)
    specaugment: SpecAugmentConfig = field(default_factory=SpecAugmentConfig)
    vocabulary: VocabularyConfig = field(default_factory=VocabularyConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    decoding: DecodingConfig = field(default_factory=DecodingConfig)


def load_config(path=None, overrides=()):
    """Reads a config file and applies overrides on top of the defaults.

    Args:
        path: YAML file, or None for the defaults alone.
        overrides: strings `section.key=value`, as typed on the command line; the value is YAML.

    Returns:
        A `Config`.

    Raises:
        ConfigError: for a file that cannot be read, an unknown key (with the nearest known one), a value of the wrong
            type, or one that is not among the key's choices.
    """
    try:
        merged = OmegaConf.structured(Config)
        if path is not None:
            merged = OmegaConf.merge(merged, _read_yaml(path))
        for override in overrides:
            if "=" not in override:
                raise ConfigError(f"expected key=value, got `{override}`")
        merged = OmegaConf.merge(merged, OmegaConf.from_dotlist(list(overrides)))
        config = OmegaConf.to_object(merged)
    except OmegaConfBaseException as error:
        raise ConfigError(_readable(error)) from error
    for key, value, info in _walk(config):
        _check(key, value, info)
    _check_store(config)
    return config


def save_config(config, path):
    """Writes a `Config` as YAML that `load_config` reads back to an equal one."""
    OmegaConf.save(OmegaConf.structured(config), path)


def flatten(config):
    """A `Config` as a dict of `section.key` to value."""
    return {key: value for key, value, _ in _walk(config)}


def describe_keys():
    """Lists every key of the config as (key, default, explanation with the choices)."""
    rows = []
    for key, value, info in _walk(Config()):
        about = info["about"] + (f" ({' | '.join(info['choices'])})" if info.get("choices") else "")
        rows.append((key, value, about))
    return rows


def _read_yaml(path):
    try:
        loaded = OmegaConf.load(path)
    except OSError as error:
        raise ConfigError(f"cannot read the config {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not OmegaConf.is_dict(loaded):
        raise ConfigError(f"{path} should hold sections such as `training:`, found {type(loaded).__name__}")
    return loaded


def _walk(node, prefix=""):
    for item in dataclasses.fields(node):
        value = getattr(node, item.name)
        if dataclasses.is_dataclass(value):
            yield from _walk(value, f"{prefix}{item.name}.")
        else:
            yield f"{prefix}{item.name}", value, item.metadata


def _check(key, value, info):
    if info.get("choices") and value not in info["choices"]:
        raise ConfigError(f"{key} takes {' | '.join(info['choices'])}, got `{value}`")
    if info.get("least") is not None and value is not None and value < info["least"]:
        raise ConfigError(f"{key} must be at least {info['least']}, got {value}")


def _check_store(config):
    value = config.data.embedding_store
    if value.lower() not in ("on", "off", "true", "false") and not value.isdecimal():
        raise ConfigError(f"data.embedding_store takes on | off | a number of augmented views, got `{value}`")
    if config.embedding.kind != "none" and config.data.stored_views() == 0 and config.specaugment.probability > 0:
        raise ConfigError(
            "data.embedding_store=0 keeps no augmented view that SpecAugment could draw: set more, or "
            "specaugment.probability=0"
        )


def _readable(error):
    key = error.full_key or ""
    known = [name for name, _, _ in _walk(Config())]
    if "not in" in str(error) and key:
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        key = key if len(key) <= 60 else key[:57] + "..."
        hint = f"; did you mean `{near[0]}`?" if near else "; `aac-train --keys` lists the keys"
        return f"unknown config key `{key}`{hint}"
    reason = str(error).splitlines()[0]
    return f"{key}: {reason}" if key else reason
