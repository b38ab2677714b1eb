"""Where the weights lie that come with the package."""

from pathlib import Path

BUNDLED_WEIGHTS = Path(__file__).parent.parent / "weights" / "demo"
