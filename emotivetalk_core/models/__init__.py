"""The networks, their configs, and the files that carry them."""
