"""The mathematics of the two diffusions, as pure functions over tensors: noise levels, schedules, windows.

No network, no progress, no files.
"""
