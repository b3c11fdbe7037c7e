"""SBERT-sim, fluency error rate (FER), FENSE and SPIDEr-FL."""

import numpy as np

from aac_tf.evaluation.metrics.base import Metric, Score
from aac_tf.evaluation.sentence.weights import EMBEDDER, VOCABULARY, find_weights, why_no_weights

PENALTY = 0.9  # for a caption with a fluency error
THRESHOLD = 0.9  # above which the detector's probability counts as an error


class SBERTSim(Metric):
    """SBERT-sim, the mean of the cosines between the sentence embeddings of a caption and of its references.

    The embeddings are those of `paraphrase-TinyBERT-L6-v2`. Like all metrics here, this one and those below get the
    captions from the PTB tokenizer, as in aac-metrics, which scores the DCASE challenge. FENSE's own program takes them
    with their capitals and punctuation.

    Reference:
        N. Reimers, I. Gurevych, "Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks", EMNLP 2019,
        https://arxiv.org/abs/1908.10084
    """

    name = "sbert_sim"
    reports_progress = True
    uses_tensorflow = True

    def score(self, predictions, references, progress=None):
        """See `Metric`; the score is `sbert_sim`."""
        # Imported on first use: TensorFlow and transformers take seconds.
        from aac_tf.evaluation.sentence.networks import SentenceEmbedder, load_network

        texts = [*predictions, *(text for texts in references for text in texts)]
        if not texts:
            return {"sbert_sim": Score.mean([])}
        embedder = load_network(SentenceEmbedder, EMBEDDER, find_weights(EMBEDDER), find_weights(VOCABULARY))
        embeddings = embedder(texts, progress and progress("Embedding captions")).astype("float64")
        found, of_references = embeddings[: len(predictions)], embeddings[len(predictions) :]
        counts = [len(texts) for texts in references]
        cosines = np.einsum("cw,cw->c", np.repeat(found, counts, axis=0), of_references)
        parts = np.split(cosines, np.cumsum(counts)[:-1])
        return {"sbert_sim": Score.mean([part.mean() for part in parts])}

    def unavailable(self):
        """See `Metric`."""
        return super().unavailable() or why_no_weights(EMBEDDER, VOCABULARY)


class FER(Metric):
    """Fluency error rate, the share of captions in which the error detector of FENSE finds an error.

    Args:
        size: `base` or `tiny`, which detector. `tiny` is 25 times smaller; its metrics have names with `_tiny`.

    Reference:
        Z. Zhou, Z. Zhang, X. Xu, Z. Xie, M. Wu, K. Q. Zhu, "Can Audio Captions Be Evaluated with Image Caption
        Metrics?", ICASSP 2022, https://arxiv.org/abs/2110.04684
    """

    higher_is_better = False
    reports_progress = True
    uses_tensorflow = True

    def __init__(self, size="base"):
        self.name = "fer" + _suffix(size)
        self.by_default = size == "base"
        self._weights = f"echecker_clotho_audiocaps_{size}"

    def score(self, predictions, references, progress=None):
        """See `Metric`; the score has the metric's name, and is 1 for a caption with an error, otherwise 0."""
        from aac_tf.evaluation.sentence.networks import ErrorDetector, load_network

        if not predictions:
            return {self.name: Score.mean([])}
        detector = load_network(ErrorDetector, self._weights, find_weights(self._weights), find_weights(VOCABULARY))
        found = detector(predictions, progress and progress("Detecting fluency errors"))
        return {self.name: Score.mean(found > THRESHOLD)}

    def unavailable(self):
        """See `Metric`."""
        return super().unavailable() or why_no_weights(self._weights, VOCABULARY)


class Penalized(Metric):
    """Base class of metrics that take another metric, less 90 % for captions with a fluency error.

    Args:
        name: str, the name without `_tiny`.
        of: str, the metric that is penalized; it has one score of its own name.
        size: see `FER`.
    """

    def __init__(self, name, of, size):
        self.name = name + _suffix(size)
        self.by_default = size == "base"
        self.requires = (of, "fer" + _suffix(size))

    def score(self, predictions, references, **required):
        """See `Metric`; the score has the metric's name."""
        scored, errors = (required[name][name].per_item for name in self.requires)
        return {self.name: Score.mean(scored * (1 - PENALTY * errors))}


class FENSE(Penalized):
    """FENSE, which is SBERT-sim less 90 % for captions with a fluency error; DCASE 2024 ranks by it.

    Args:
        size: see `FER`.

    Reference:
        Z. Zhou, Z. Zhang, X. Xu, Z. Xie, M. Wu, K. Q. Zhu, "Can Audio Captions Be Evaluated with Image Caption
        Metrics?", ICASSP 2022, https://arxiv.org/abs/2110.04684
    """

    def __init__(self, size="base"):
        super().__init__("fense", "sbert_sim", size)


class SPIDErFL(Penalized):
    """SPIDEr-FL, which is SPIDEr less 90 % for captions with a fluency error; DCASE 2023 ranks by it.

    Args:
        size: see `FER`.

    Reference:
        DCASE 2023 Challenge, task 6a, https://dcase.community/challenge2023/task-automated-audio-captioning
    """

    def __init__(self, size="base"):
        super().__init__("spider_fl", "spider", size)


def _suffix(size):
    return "" if size == "base" else f"_{size}"
