"""The manifest of a weights folder: which files belong to it, byte for byte. It does not look inside them."""

import hashlib
import json
import os
from pathlib import Path

from ..errors import WeightsError, excerpt

MANIFEST = "manifest.json"


def write_manifest(folder: Path) -> Path:
    """Write manifest.json for the safetensors files that lie in `folder` now; size and SHA-256 of each."""
    folder = Path(folder)
    paths = sorted(folder.glob("*.safetensors"))
    files = {path.name: {"bytes": path.stat().st_size, "sha256": _sha256(path)} for path in paths}
    target = folder / MANIFEST
    part = target.with_suffix(".part")
    part.write_text(json.dumps({"files": files}, indent=2) + "\n", encoding="utf-8")
    os.replace(part, target)
    return target


def verify_manifest(folder: Path) -> None:
    """Raise WeightsError where a file of the manifest is missing or differs by as little as one byte."""
    target = Path(folder) / MANIFEST
    if not target.is_file():
        raise WeightsError(f"{folder} holds no {MANIFEST}; give a whole weights folder.")
    try:
        files = json.loads(target.read_text(encoding="utf-8"))["files"]
        expected = {name: (int(entry["bytes"]), str(entry["sha256"])) for name, entry in files.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise WeightsError(f"{target} is damaged; copy or download the weights folder again.") from error
    for name, (size, digest) in expected.items():
        path = target.parent / name
        try:
            there = Path(name).name == name and path.is_file()
        except (OSError, ValueError):  # no name of a file at all
            there = False
        if not there:
            raise WeightsError(
                f"{target.parent / excerpt(name)}, named by the manifest, does not exist; copy the weights folder "
                "again."
            )
        if path.stat().st_size != size or _sha256(path) != digest:
            raise WeightsError(
                f"{path} is not the file that the manifest names (its content differs); copy it again, or delete "
                f"{MANIFEST} if you replaced the file yourself."
            )


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
