"""Who is told how far a film is."""

READING = "reading"
"""The first stage: portrait, recording and weights are read, and the emotion with them."""


class Listener:
    """Hears of a film's stages, and what there is to say of it; this one keeps it to itself. What a call raises ends
    the work at once.

    notes: sentences that were said so far, each to be read by whoever asked for the film.
    """

    def __init__(self) -> None:
        self.notes: list[str] = []

    def __call__(self, stage: str, done: int, total: int) -> None:
        """So much of a stage is done."""

    def say(self, sentence: str) -> None:
        """Something about the film that its owner should know."""
        self.notes.append(sentence)

    def tell(self, sentence: str) -> None:
        """Something about the work on it, of interest only while it goes on."""

    def label(self, stage: str, words: str) -> None:
        """How a stage is to be called."""
