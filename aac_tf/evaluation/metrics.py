"""Caption metrics as the DCASE challenge computes them, by pycocoevalcap."""

import contextlib
import io

from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.meteor.meteor import Meteor
from pycocoevalcap.rouge.rouge import Rouge

from aac_tf.evaluation.java import bundled_java
from aac_tf.evaluation.ptb import ptb_tokenize


def _bleu(references, predictions):
    corpus, per_item = Bleu(4).compute_score(references, predictions, verbose=0)
    return {f"bleu_{n + 1}": (corpus[n], per_item[n]) for n in range(4)}


def _rouge(references, predictions):
    return {"rouge_l": Rouge().compute_score(references, predictions)}


def _meteor(references, predictions):
    return {"meteor": Meteor().compute_score(references, predictions)}


def _cider(references, predictions):
    return {"cider": Cider().compute_score(references, predictions)}


METRICS = {"bleu": _bleu, "rouge_l": _rouge, "meteor": _meteor, "cider": _cider}


def score_captions(predictions, references, metrics=None):
    """Scores captions against references.

    Captions are tokenized by the Stanford PTB tokenizer and scored by pycocoevalcap: BLEU (Papineni et al., 2002),
    ROUGE-L (Lin, 2004), METEOR 1.5 (Denkowski & Lavie, 2014), CIDEr (Vedantam et al., 2015).

    Args:
        predictions: dict of id to caption.
        references: dict of id to list of captions; it may hold more ids than `predictions`.
        metrics: names out of `METRICS`; None computes all.

    Returns:
        dict of score name to corpus score, and dict of id to dict of score name to that item's score. BLEU gives
        `bleu_1` ... `bleu_4`.

    Raises:
        ValueError: for an unknown metric, no predictions, or a prediction without references.
    """
    names = list(METRICS) if metrics is None else list(metrics)
    unknown = [name for name in names if name not in METRICS]
    if unknown:
        raise ValueError(f"unknown metric {unknown[0]!r}; there are {', '.join(METRICS)}")
    if not predictions:
        raise ValueError("there are no captions to score")
    missing = [item for item in predictions if not references.get(item)]
    if missing:
        raise ValueError(f"{len(missing)} predictions have no references, the first is {missing[0]!r}")
    ids = list(predictions)
    with bundled_java(), contextlib.redirect_stdout(io.StringIO()):  # BLEU prints its own running totals
        tokenized, tokenized_references = _tokenize(
            [[predictions[item]] for item in ids], [references[item] for item in ids]
        )
        scores = {}
        for name in names:
            scores.update(METRICS[name](tokenized_references, tokenized))
    corpus = {name: float(total) for name, (total, _) in scores.items()}
    per_item = {
        item: {name: float(values[row]) for name, (_, values) in scores.items()} for row, item in enumerate(ids)
    }
    return corpus, per_item


def _tokenize(*groups):
    """Tokenizes lists of lists of captions in one run of Java; each becomes a dict of row to list of captions."""
    words = iter(ptb_tokenize([text for group in groups for texts in group for text in texts]))
    return [{row: [next(words) for _ in texts] for row, texts in enumerate(group)} for group in groups]
