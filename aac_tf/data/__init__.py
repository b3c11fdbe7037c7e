"""Input pipelines: from clips to batches."""
