"""Where the weights lie that come with the package."""

from pathlib import Path

_WEIGHTS = Path(__file__).parent.parent / "weights"
BUNDLED_WEIGHTS, BUNDLED_PROBES = _WEIGHTS / "demo", _WEIGHTS / "probes"
