"""Files in the host's temporary folder that are there for as long as somebody holds them."""

import uuid
import weakref
from pathlib import Path

import folder_paths


class TemporaryPath(str):
    """The path of a file that is deleted once nobody holds this very string. The host's videos hold the path that they
    are made from, and hand it on to what is cut out of them.

    The host empties its folder only when it starts or ends, and may run for weeks. What is held in a circle goes when
    Python collects it, which the host lets it do at most every ten seconds.
    """

    @classmethod
    def new(cls, suffix: str) -> "TemporaryPath":
        """Of a file that is not there yet."""
        for refused in list(_refused):
            _delete(refused)
        folder = Path(folder_paths.get_temp_directory())
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"emotivetalk_{uuid.uuid4().hex}{suffix}"
        held = cls(path)
        weakref.finalize(held, _delete, path)
        return held


_refused: set[Path] = set()
"""Not deleted yet, for Windows does not let go of a file that somebody reads; tried again with the next."""


def _delete(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        _refused.add(path)
    else:
        _refused.discard(path)
