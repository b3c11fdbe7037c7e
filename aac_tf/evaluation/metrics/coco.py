"""Captions in the form that pycocoevalcap's scorers take."""


def coco_captions(predictions, references):
    """Converts captions from lists to pycocoevalcap's dictionaries.

    Args:
        predictions: list of str.
        references: list of lists of str.

    Returns:
        `{row: references}` and `{row: [prediction]}`, the arguments `gts` and `res` of a scorer.
    """
    return dict(enumerate(references)), {row: [prediction] for row, prediction in enumerate(predictions)}
