"""Distinct-n."""

from aac_tf.evaluation.metrics.base import Metric, Score


class Distinct(Metric):
    """Distinct-1 and distinct-2, the share of different words and word pairs among those of all captions together.

    Pairs do not reach from one caption to the next. Both fall as the number of captions grows, so compare only sets of
    captions for the same clips. References do not matter.

    Reference:
        J. Li, M. Galley, C. Brockett, J. Gao, B. Dolan, "A Diversity-Promoting Objective Function for Neural
        Conversation Models", NAACL 2016, https://arxiv.org/abs/1510.03055
    """

    name = "distinct"
    scores = ("distinct_1", "distinct_2")
    higher_is_better = None
    by_default = False

    def score(self, predictions, references):
        """See `Metric`; the scores are `distinct_1` and `distinct_2`."""
        captions = [caption.split() for caption in predictions]
        return {name: Score.of_corpus(_share(captions, n)) for n, name in enumerate(self.scores, 1)}


def _share(captions, n):
    ngrams = [tuple(words[start : start + n]) for words in captions for start in range(len(words) - n + 1)]
    return len(set(ngrams)) / len(ngrams) if ngrams else 0.0
