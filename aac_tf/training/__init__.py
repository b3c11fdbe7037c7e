"""A config to a trained run."""
