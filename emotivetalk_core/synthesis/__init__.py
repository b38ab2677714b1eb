"""Synthetic talking heads: drawn people who speak and feel, with the truth of every frame known. NumPy and OpenCV, no networks."""
