"""AST as a frozen encoder."""
