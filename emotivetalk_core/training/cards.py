"""Graphics cards by name: memory, and how fast they multiply in bfloat16.

From NVIDIA's own papers: the white papers of the architectures GA102, Ada and RTX Blackwell (GeForce: dense bfloat16
with sums in float32), and the data sheets of A100, RTX A6000, L4, L40S, H100, H200 and B200, their figures with
sparsity halved.
"""

from dataclasses import dataclass

from ..errors import SettingsError

SHARE_OF_PEAK = 0.35
"""What a training reaches of a card's peak. An assumption: what others report of diffusion models lies from 0.3 to 0.5,
and ours was never run on one. [ours]
"""

USABLE = 0.92
"""Of a card's memory: the rest is the driver's, the libraries' and lost between pieces. [ours]"""


@dataclass(frozen=True)
class Card:
    """memory: GB of 2^30 bytes · peak: dense bfloat16, TFLOP a second."""

    name: str
    memory: int
    peak: float

    @property
    def usable(self) -> float:
        """Bytes."""
        return USABLE * self.memory * 2**30

    def hours(self, flops: float) -> float:
        return flops / (SHARE_OF_PEAK * self.peak * 1e12) / 3600


CARDS = (
    Card("RTX 3060", 12, 25.3),
    Card("RTX 4060 Ti 16GB", 16, 44.1),
    Card("RTX 4080", 16, 97.5),
    Card("RTX 3090", 24, 71.0),
    Card("RTX 4090", 24, 165.2),
    Card("L4", 24, 121.0),
    Card("RTX 5090", 32, 209.5),
    Card("A100 40GB", 40, 312.0),
    Card("RTX A6000", 48, 154.8),
    Card("L40S", 48, 362.0),
    Card("A100", 80, 312.0),
    Card("H100", 80, 989.0),
    Card("H200", 141, 989.0),
    Card("B200", 180, 2250.0),
)
"""Smallest memory first."""


def card_named(name: str) -> Card:
    """The card of that name, however it is spaced and cased. Raises SettingsError."""

    def plain(text: str) -> str:
        return "".join(text.lower().split()).removeprefix("nvidia").removeprefix("geforce")

    for card in CARDS:
        if plain(card.name) == plain(name):
            return card
    known = ", ".join(card.name for card in CARDS)
    raise SettingsError(f'The card "{name}" is not in the table; choose one of {known}.')
