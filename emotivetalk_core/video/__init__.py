"""Video files out and in, streamed: a clip never lies in memory as a whole."""
