"""What can be said of a finished video by its pixels and its sound, with nothing to download."""
