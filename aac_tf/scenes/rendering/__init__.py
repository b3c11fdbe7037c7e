"""How the sounds of a scripted scene are played, what the place does to them, and what the recorder does."""
