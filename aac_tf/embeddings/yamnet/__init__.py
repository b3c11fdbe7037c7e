"""YAMNet as a frozen encoder."""
