"""Measuring generated videos by probes that are no part of the generator."""
