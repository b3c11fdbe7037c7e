"""The sections of an experiment's config and their keys.

Each section is a dataclass. If a section has several kinds, each kind is a dataclass with its own keys, and the
section's key `kind` selects one of them.
"""

from dataclasses import dataclass
from typing import Any, Dict, List, Optional

from aac_tf.config.keys import NEVER, OneOf, key, one_of, section

DATASETS = ("clotho", "audiocaps", "macs", "wavcaps", "manifest", "scenes")
SPECS = ("DCASE2020", "YAMNET", "AST")


@dataclass
class SourceConfig:
    """One of several datasets to train on together."""

    source: str = key("clotho", "kind of dataset", choices=DATASETS)
    root: Optional[str] = key(None, "folder of the dataset, or its URL")
    weight: int = key(1, "number of times that an epoch takes each of its captions", at_least=1)
    style: Optional[str] = key(None, "way of speaking of its captions, which the model learns to imitate by this name")


@dataclass
class DataConfig:
    """The clips, and how they are read and batched."""

    source: str = key("clotho", "kind of dataset", choices=DATASETS)
    root: Optional[str] = key(None, "folder of the dataset, or its URL, such as s3://bucket/clips", resumable=True)
    sources: List[SourceConfig] = key(
        [],
        "several datasets to train on together, instead of source and root: "
        "[{source: clotho, root: FOLDER, weight: 2, style: clotho}, {source: audiocaps, root: FOLDER}]",
    )
    validation_fraction: float = key(
        0.0, "fraction of the training clips to hold out if there is no validation split", at_least=0, below=1
    )
    max_clips: Optional[int] = key(None, "use only the first clips of each split, for a quick experiment", at_least=1)
    on_bad_audio: str = key("skip", "what to do with unusable sound files", choices=("skip", "fail"))
    max_seconds: Optional[float] = key(None, "skip clips longer than this, in seconds", at_least=0.1)
    captions_per_clip: str = key(
        "one",
        "one: each caption is an example; all: a clip is encoded once for all its captions",
        choices=("one", "all"),
    )
    static_shapes: bool = key(
        False, "pad batches to the fixed shapes of bucket_seconds and batch_size, for XLA and TPUs", resumable=True
    )
    bucket_seconds: List[float] = key(
        [5.0, 10.0, 15.0, 20.0, 25.0], "upper bounds of the length buckets, in seconds", above=0, increasing=True
    )
    cache: str = key(
        "none",
        "memory: keep spectrograms or stored embeddings in memory after reading them once",
        choices=("none", "memory"),
        resumable=True,
    )
    embedding_store: str = key(
        "on",
        "on: compute the frozen encoder's embeddings once and store them, with 4 SpecAugmented views of each training "
        "clip; a number: with that many views; off: compute them in every epoch",
    )
    embedding_folder: Optional[str] = key(
        None,
        "folder of the embedding store; null: embeddings/ in $AAC_TF_CACHE or ~/.cache/aac_tf",
        resumable=True,
    )

    def all_sources(self):
        """Returns the datasets to read, a list of `SourceConfig`."""
        return self.sources or [SourceConfig(self.source, self.root)]

    def stored_views(self):
        """Returns how many augmented views of each clip the embedding store keeps; None if there is no store."""
        # YAML reads an unquoted `on` as true.
        words = {"on": 4, "true": 4, "off": None, "false": None}
        value = self.embedding_store.lower()
        return words[value] if value in words else int(value)


@dataclass
class ScenesConfig:
    """The composed corpus of `data.source=scenes`, which is composed in `data.root` unless it is already there."""

    bank: Any = key(
        "synthetic",
        "`synthetic`, or a folder of labelled clips with a CSV of file_name,category; several folders as a list, or "
        "separated by commas; LICENCE=FOLDER names the licence of a folder whose CSV has none",
    )
    licences: Any = key(
        None,
        "licences that the clips of the bank may have, as a list or separated by commas: free (CC0, CC BY, MIT, public "
        "domain), CC BY-SA, ...; a clip with several needs all of them to be allowed; null: all clips",
    )
    train: Optional[int] = key(1000, "number of training scenes; null, with scripts: of each script", at_least=1)
    validation: Optional[int] = key(60, "number of validation scenes, or null", at_least=1)
    test: Optional[int] = key(100, "number of test scenes, or null", at_least=1)
    sample_rate: int = key(16000, "sample rate of the scenes, Hz", at_least=8000, at_most=192000)
    min_seconds: float = key(4.0, "minimum length of a scene, seconds", at_least=2)
    max_seconds: float = key(12.0, "maximum length of a scene, seconds", at_least=2)
    max_events: int = key(3, "maximum number of events in a scene without a script", at_least=1, at_most=3)
    seed: int = key(0, "the same seed and keys give the same corpus", at_least=0)
    scripts: Any = key(
        None,
        "file of human captions to compose scenes after, or several, as for bank; STYLE=FILE gives its captions a "
        "style; templates: captions are written for the sounds of the bank; null: scenes at random, with "
        "simpler captions",
    )
    renderings: int = key(1, "with scripts: number of scenes for each script", at_least=1)
    max_alike: Optional[int] = key(
        None, "with scripts: maximum number of scripts of a split with the same sounds and style; null: all", at_least=1
    )


def _field(about, **limits):
    return key(None, f"{about}; null: as in the named spectrogram", **limits)


@dataclass
class AudioConfig:
    """The front end: a named spectrogram, any of whose fields can be replaced."""

    spec: str = key("DCASE2020", "named spectrogram", choices=SPECS)
    sample_rate: Optional[int] = _field("sample rate, Hz", at_least=1000)
    window_length: Optional[int] = _field("window length, samples", at_least=2)
    hop_length: Optional[int] = _field("hop length, samples", at_least=1)
    fft_length: Optional[int] = _field("FFT length, samples", at_least=2)
    window: Optional[str] = _field("window function", choices=(None, "hamming", "hann"))
    num_bins: Optional[int] = _field("number of mel bins", at_least=1)
    mel_scale: Optional[str] = _field("mel scale", choices=(None, "slaney", "htk"))
    mel_norm: Optional[str] = _field(
        "area: scale each mel filter to unit area; none: do not scale", choices=(None, "area", "none")
    )
    fmin: Optional[float] = _field("lower edge of the mel filters, Hz", at_least=0)
    fmax: Optional[float] = _field("upper edge of the mel filters, Hz", at_least=1)
    periodic_window: Optional[bool] = _field("periodic instead of symmetric window")
    centered: Optional[bool] = _field("centre frames on multiples of the hop instead of starting them there")
    peak_normalize: Optional[bool] = _field("divide each clip by its peak magnitude")
    remove_dc: Optional[bool] = _field("subtract the mean of each frame")
    preemphasis: Optional[float] = _field("pre-emphasis coefficient", at_least=0, below=1)
    power: Optional[float] = _field("1: magnitude spectrogram; 2: power spectrogram", choices=(None, 1.0, 2.0))
    log_offset: Optional[float] = _field("value added before the logarithm", at_least=0)
    log_floor: Optional[float] = _field("minimum of the values whose logarithm is taken", at_least=0)
    segment_length: Optional[int] = _field("frames per segment; clips are padded to whole segments", at_least=1)
    segment_hop: Optional[int] = _field("frames between the starts of consecutive segments", at_least=1)
    normalize: bool = key(False, "standardize each bin with its mean and variance over the training clips")


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
        "precision of the network's convolutions; bfloat16 is faster on CPUs that multiply in it (AVX512-BF16, AMX)",
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


@dataclass
class SpecAugmentConfig:
    """SpecAugment: masks on training spectrograms."""

    probability: float = key(0.4, "fraction of the training examples to mask", at_least=0, at_most=1)
    max_frames: int = key(192, "longest time mask, frames", at_least=0)
    max_bins: int = key(48, "widest frequency mask, bins", at_least=0)


@dataclass
class EmbeddingSpecAugmentConfig:
    """SpecAugment on the input of the trained encoder: embeddings, which may be stored, or normalized log-mels."""

    probability: float = key(0.0, "fraction of the training examples to mask; 0: off", at_least=0, at_most=1)
    max_frames: int = key(8, "longest time mask, segments of the frozen encoder or frames", at_least=0)
    max_bins: int = key(256, "widest mask of channels", at_least=0)


@dataclass
class AugmentationConfig:
    """Changes of training sounds; not with stored embeddings, which are computed once."""

    gain_db: float = key(0.0, "maximum random gain and attenuation, dB", at_least=0, at_most=60)
    shift_seconds: float = key(0.0, "maximum random circular shift in both directions, seconds", at_least=0)


@dataclass
class VocabularyConfig:
    """The words that the model knows."""

    min_count: int = key(10, "minimum number of times that a word occurs in the training captions", at_least=1)
    max_words: int = key(20, "maximum number of words in a caption; longer ones are cut", at_least=1)
    padding: str = key(
        "<PAD>", "padding token; <END> makes a vocabulary of only <START>, <END> and words", choices=("<PAD>", "<END>")
    )
    style_dropout: float = key(
        0.1, "fraction of the examples with a style that are trained without it", at_least=0, at_most=1
    )


@dataclass
class BiRNNEncoderConfig(OneOf):
    """Stacked bi-directional recurrent layers with temporal sub-sampling."""

    cell: str = key("lstm", "recurrent cell", choices=("lstm", "gru"))
    layers: int = key(2, "number of layers", at_least=1)
    units: int = key(256, "units per direction", at_least=1)
    subsampling: int = key(1, "sub-sampling factor M: keep every M-th step between layers", at_least=1)
    residual: bool = key(False, "add a layer's input to its output, from the second layer on")
    dropout: float = key(0.0, "dropout rate after each layer", at_least=0, below=1)


@dataclass
class LinearEncoderConfig(OneOf):
    """A linear layer with a ReLU, for the embeddings of a frozen encoder."""

    units: int = key(256, "width of an encoder step", at_least=1)
    positions: bool = key(False, "add a sinusoidal position encoding, so that the decoder can tell the order of sounds")
    dropout: float = key(0.5, "dropout rate before and after the layer", at_least=0, below=1)


ENCODERS = {"birnn": BiRNNEncoderConfig, "linear": LinearEncoderConfig}


@dataclass
class AttentionDecoderConfig(OneOf):
    """An LSTM that attends to the encoder steps before each word."""

    units: int = key(256, "units of the LSTM", at_least=1)
    embedding: int = key(256, "width of the word embeddings", at_least=1)
    attention_units: int = key(256, "width of the hidden layer of the attention", at_least=1)
    dropout: float = key(0.0, "dropout rate before the word classifier", at_least=0, below=1)


@dataclass
class FixedVectorDecoderConfig(OneOf):
    """A GRU whose input is the last encoder step at each word."""

    units: int = key(256, "units of the GRU", at_least=1)
    dropout: float = key(0.0, "dropout rate before the word classifier", at_least=0, below=1)


@dataclass
class TransformerDecoderConfig(OneOf):
    """A transformer whose layers attend to the words before and to the encoder steps."""

    layers: int = key(6, "number of layers", at_least=1)
    units: int = key(256, "width of a word", at_least=1)
    heads: int = key(4, "attention heads of each layer", at_least=1)
    feedforward: int = key(2048, "width of the hidden layer of the feed-forward networks", at_least=1)
    pre_norm: bool = key(
        True, "normalize the input of each sub-layer; false: its output plus the residual, as CoNeTTE does"
    )
    dropout: float = key(0.2, "dropout rate of embeddings, attention weights and layers", at_least=0, below=1)


DECODERS = {
    "attention": AttentionDecoderConfig,
    "fixed_vector": FixedVectorDecoderConfig,
    "transformer": TransformerDecoderConfig,
}


@dataclass
class TrainingConfig:
    """Optimization."""

    initial: Optional[str] = key(
        None,
        "trained run to start from: what --run of aac-caption takes. The architecture (audio, embedding, encoder, "
        "decoder) is its own, its words are kept, and those of the training captions are added",
    )
    epochs: int = key(50, "maximum number of epochs", at_least=1, resumable=True)
    batch_size: int = key(32, "examples per batch (clips with data.captions_per_clip=all)", at_least=1)
    microbatch: Optional[int] = key(
        None,
        "examples in memory at a time, on each device: gradients are added up over the parts of a batch, with the "
        "result of the whole batch; null: the whole batch",
        at_least=1,
        resumable=True,
    )
    learning_rate: float = key(1e-4, "learning rate of Adam; with a schedule, its highest value", above=0)
    schedule: str = key(
        "plateau",
        "learning rate; plateau: multiplied by lr_factor after lr_patience epochs without improvement; cosine: falls "
        "to min_learning_rate at the end of the last epoch; constant: not changed",
        choices=("plateau", "cosine", "constant"),
    )
    warmup_steps: int = key(0, "steps in which the learning rate rises to learning_rate; 0: none", at_least=0)
    weight_decay: float = key(
        0.0,
        "decoupled weight decay of AdamW, such as 0.01; biases, norms and embeddings have none; 0: Adam",
        at_least=0,
    )
    lr_factor: float = key(0.5, "factor by which the learning rate is reduced on a plateau", above=0, at_most=1)
    lr_patience: Optional[int] = key(
        3, "epochs without improvement that count as a plateau; null: never reduce", at_least=1
    )
    min_learning_rate: float = key(0.0, "lower limit of the learning rate", at_least=0)
    clip_norm: Optional[float] = key(None, "maximum global norm of the gradients; null: no clipping", above=0)
    ema: Optional[float] = key(
        None,
        "decay of the moving average of the weights, such as 0.999, which validation and the best checkpoint use; null "
        "or 0: no average",
        at_least=0,
        below=1,
    )
    monitor: str = key(
        "val_bleu",
        "score that selects the best checkpoint: loss, val_loss, val_bleu (mean of BLEU-1 to BLEU-4), or val_ and a "
        "score of aac-evaluate, such as val_cider or val_spider",
    )
    monitor_decimals: Optional[int] = key(
        None, "decimals that `monitor` is rounded to before comparing; null: not rounded", at_least=0
    )
    keep_epochs: int = key(
        0,
        "number of the best epochs, and of the last ones, whose weights are kept for aac-average; 0: none",
        at_least=0,
    )
    stop_patience: Optional[int] = key(
        None, "stop after this many epochs without improvement; null: never", at_least=1, resumable=True
    )
    word_weights: str = key(
        "none",
        "weights of the words in the loss; rarity: min f / f_w for a word of frequency f_w, at least word_weight_floor",
        choices=("none", "rarity"),
    )
    word_weight_floor: float = key(0.5, "minimum weight of a word (beta)", at_least=0, at_most=1)
    label_smoothing: float = key(
        0.0, "part of the target that is spread over all words, in the training loss only", at_least=0, below=1
    )
    mixup: float = key(
        0.0,
        "alpha of mixup: mixes each training clip and its words with another one, in shares from Beta(alpha, alpha); "
        "0: off",
        at_least=0,
    )
    input_dropout: float = key(
        0.0, "dropout rate of the trained encoder's input, such as stored embeddings", at_least=0, below=1
    )
    embedding_dropout: float = key(
        0.0, "dropout rate of the embeddings of the previous words, which the decoder sees", at_least=0, below=1
    )
    word_dropout: float = key(
        0.0, "probability that the decoder sees <UNK> in place of a previous word, in training", at_least=0, below=1
    )
    scheduled_sampling: float = key(
        0.0,
        "probability that the decoder sees a word of its own in place of a previous word, in training",
        at_least=0,
        at_most=1,
    )
    sampling_epochs: int = key(
        10, "epochs in which the probability of scheduled_sampling rises from 0, linearly", at_least=1
    )
    self_critical: float = key(
        0.0,
        "weight of self-critical sequence training on CIDEr-D, such as 0.9 after training.initial; the rest is "
        "cross-entropy; 0: off",
        at_least=0,
        at_most=1,
    )
    self_critical_samples: int = key(
        4, "captions that self_critical samples for each clip; the others are the baseline of each", at_least=2
    )
    strategy: str = key(
        "auto",
        "devices; mirrored: all local GPUs; multiworker: the cluster in TF_CONFIG; auto: whatever is available",
        choices=("auto", "one", "mirrored", "multiworker", "tpu"),
        resumable=True,
    )
    precision: str = key(
        "float32",
        "precision of the layers' products in training; weights, softmax, logits and loss stay float32",
        choices=("float32", "bfloat16", "float16"),
    )
    xla: bool = key(
        False,
        "compile training steps with XLA; set data.static_shapes=true too, otherwise each new shape recompiles",
        resumable=True,
    )
    save_minutes: Optional[float] = key(
        10.0,
        "minutes between checkpoints within an epoch, on one machine; null: save only at the end of an epoch",
        at_least=0,
        resumable=True,
    )
    samples: int = key(3, "number of validation captions to show after each epoch", at_least=0, resumable=True)


@dataclass
class SearchConfig(OneOf):
    """Keys of all searches."""

    style: Optional[str] = key(
        None, "style of captions, of a model that was trained with styles; null or none: no style in particular"
    )
    min_words: int = key(1, "minimum number of words of a caption", at_least=0)
    max_words: Optional[int] = key(
        None, "maximum number of words of a caption; null: vocabulary.max_words, the upper limit", at_least=1
    )
    forbidden_words: List[str] = key([], "words that captions never contain, such as [music, silence]")
    repeat_words: str = key(
        "any",
        "words that may occur twice in a caption; function: only articles, prepositions and the like, as in CoNeTTE",
        choices=("any", "function", "none"),
    )
    repeatable_words: List[str] = key([], "with repeat_words=function or none: further words that may occur twice")
    no_repeat_ngram: Optional[int] = key(
        None, "length of the sequences of words that occur at most once in a caption; null: any may repeat", at_least=1
    )
    rerank_weight: float = key(
        0.5, "with a second model (--rerank): weight of its log-probability in the ranking", at_least=0, at_most=1
    )


@dataclass
class GreedyConfig(SearchConfig):
    """Take the most likely word at each step."""


@dataclass
class RankedSearchConfig(SearchConfig):
    """Keys of searches that find several captions."""

    rank: str = key(
        "likelihood",
        "what ranks the captions of a clip; consensus: mean similarity to all of them (minimum Bayes risk)",
        choices=("likelihood", "consensus"),
    )
    consensus_power: float = key(
        0.0, "with rank=consensus: exponent of the probabilities that weight the captions; 0: all alike", at_least=0
    )


@dataclass
class BeamConfig(RankedSearchConfig):
    """Keep the best hypotheses at each step."""

    beam_size: int = key(3, "number of hypotheses; 1 is greedy search", at_least=1)
    length_penalty: float = key(0.0, "rank hypotheses by log-probability / words ** length_penalty", at_least=0)


@dataclass
class DiverseBeamConfig(RankedSearchConfig):
    """Keep the best hypotheses of each group, and let the groups avoid each other's words."""

    beam_size: int = key(6, "number of hypotheses, a multiple of groups", at_least=1)
    length_penalty: float = key(0.0, "rank hypotheses by log-probability / words ** length_penalty", at_least=0)
    groups: int = key(3, "number of groups; 1 is beam search", at_least=1)
    diversity: float = key(
        1.0, "what a word loses for each hypothesis of an earlier group that has just chosen it", at_least=0
    )


@dataclass
class SampleConfig(RankedSearchConfig):
    """Draw words from the model's distribution."""

    samples: int = key(1, "number of captions to draw; the most likely comes first", at_least=1)
    temperature: float = key(1.0, "divisor of the logits", at_least=1e-6, at_most=1e6)
    top_p: float = key(1.0, "draw from the most likely words with this total probability", above=0, at_most=1)
    top_k: Optional[int] = key(None, "draw from this many most likely words; null: from all", at_least=1)
    seed: int = key(0, "the same seed gives the same captions", at_least=0, at_most=2**31 - 1)


SEARCHES = {
    "greedy": GreedyConfig,
    "beam": BeamConfig,
    "diverse_beam": DiverseBeamConfig,
    "sample": SampleConfig,
}


@dataclass
class Config:
    """The config of an experiment."""

    name: str = key("experiment", "name of the run folder in runs/", settled=NEVER, resumable=True)
    seed: int = key(0, "seed of all random numbers", at_least=0, at_most=2**31 - 1)
    paper: Dict[str, float] = key({}, "scores that the paper reports for this experiment", settled=NEVER)
    data: DataConfig = section(DataConfig, settled=NEVER)
    scenes: ScenesConfig = section(ScenesConfig)
    audio: AudioConfig = section(AudioConfig)
    embedding: OneOf = one_of(
        FROZEN_ENCODERS, "none", "frozen encoder between spectrogram and trained encoder; it brings its own spectrogram"
    )
    specaugment: SpecAugmentConfig = section(SpecAugmentConfig)
    embedding_specaugment: EmbeddingSpecAugmentConfig = section(EmbeddingSpecAugmentConfig)
    augmentation: AugmentationConfig = section(AugmentationConfig)
    vocabulary: VocabularyConfig = section(VocabularyConfig)
    encoder: OneOf = one_of(ENCODERS, "birnn", "trained encoder")
    decoder: OneOf = one_of(
        DECODERS,
        "attention",
        "decoder: an LSTM with attention over the encoder steps, a GRU on the last step alone, or a transformer",
    )
    training: TrainingConfig = section(TrainingConfig)
    decoding: OneOf = one_of(SEARCHES, "beam", "search for captions", settled=NEVER)
