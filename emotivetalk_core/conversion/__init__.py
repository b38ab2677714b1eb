"""Weights that others published become ours."""
