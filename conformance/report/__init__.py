"""What a run found, for people on a terminal and for programs."""
