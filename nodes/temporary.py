"""Files in the host's temporary folder that are there for as long as somebody holds them."""

import contextlib
import uuid
import weakref
from pathlib import Path

import folder_paths


class TemporaryPath(str):
    """The path of a file that is deleted once nobody holds this very string. The host's videos hold the path that they
    are made from, and hand it on to what is cut out of them.

    The host empties its folder only when it starts or ends, and may run for weeks.
    """

    @classmethod
    def new(cls, suffix: str) -> "TemporaryPath":
        """Of a file that is not there yet."""
        folder = Path(folder_paths.get_temp_directory())
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"emotivetalk_{uuid.uuid4().hex}{suffix}"
        held = cls(path)
        weakref.finalize(held, _delete, path)
        return held


def _delete(path: Path) -> None:
    with contextlib.suppress(OSError):  # Windows refuses where it is being read; the host's own tidying follows
        path.unlink(missing_ok=True)
