"""Java programs that metrics need."""
