"""Sentence networks of the metrics: weights, tokenizer, BERT on TensorFlow."""
