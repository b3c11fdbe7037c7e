"""The Java programs that compute metrics."""
