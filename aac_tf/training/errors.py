"""What can go wrong in training."""


class TrainingError(RuntimeError):
    """A training run that cannot go on."""
