"""What can go wrong in training."""


class TrainingError(ValueError):
    """A training run that cannot go on."""
