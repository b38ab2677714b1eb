"""Synthetic talking heads: drawn people who speak and feel, each frame with its truth. NumPy and OpenCV only."""
