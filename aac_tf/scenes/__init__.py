"""Scenes composed from labelled sounds: their language, their sounds, their composition, their scores."""
