"""Model to SavedModel and to LiteRT."""
