"""AST as a frozen encoder, and as a model of the transformers library."""
