"""The section `training`: optimization."""

from dataclasses import dataclass
from typing import Optional

from aac_tf.config.keys import key


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
        "gradient accumulation: maximum number of examples in memory at a time, on each device; a step still has the "
        "gradient of the whole batch; null: off",
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
