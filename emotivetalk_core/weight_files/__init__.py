"""Weights on disk: read, checked, written; which networks there are is not known here."""
