"""EmotiveTalk: one portrait and one recording of speech become a talking video whose emotion can be directed."""

__version__ = "0.1.0"
