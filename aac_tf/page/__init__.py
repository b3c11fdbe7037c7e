"""A page on which a browser captions sounds: `aac-demo`."""
