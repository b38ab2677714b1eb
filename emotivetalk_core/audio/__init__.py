"""Speech in: any recording to mono 16 kHz samples, and samples to one window of audio features per video frame."""
