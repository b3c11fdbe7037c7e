"""Export of trained models as SavedModels and LiteRT models."""
