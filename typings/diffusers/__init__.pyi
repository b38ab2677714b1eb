"""diffusers annotates configs as plain dicts and outputs as tuples, which they are not; pyright looks no further."""

from typing import Any

def __getattr__(name: str) -> Any: ...
