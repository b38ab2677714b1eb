"""`prepare`: films of people become clips that `train` learns from. Knows no recipe."""
