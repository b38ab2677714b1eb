"""Downloads from the Hugging Face Hub, only ever on request: resumed where they stopped, checked byte for byte.

A file is called by its name only once its size and digest are right; until then it lies beside it as .part. Without a
pin they are those that the Hub says (of a large file its SHA-256, in X-Linked-Etag), and all files come from the commit
that a branch stood at when the first was asked for. The Hub's own hf_hub_download compares no digest, and knows no
address that is not on the Hub.
"""

import errno
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from ..errors import EmotiveTalkError, InputError, OutputError, SettingsError, WeightsError
from .public_files import PublicFile, PublicModel

OnFile = Callable[[str, str], None]
"""on_file(path, what): "there", "downloading" or "checked"; of a repository whose commit was not given, which it is."""

_NO_PLACE = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.EEXIST,
    errno.ENOTDIR,
    errno.EISDIR,
)


@dataclass(frozen=True)
class _Place:
    """Where a file comes from."""

    model: PublicModel
    revision: str
    endpoint: str | None


def fetch(
    model: PublicModel,
    folder: Path,
    *,
    revision: str | None = None,
    endpoint: str | None = None,
    on_file: OnFile | None = None,
) -> list[Path]:
    """Bring a model's files into `folder` as they lie in its repository, and its companions' into folders below; what
    is there and right is left alone.

    revision: another than the pinned one, a commit or a branch; then the pinned digests do not count, and the Hub's own
    do. A companion keeps its own, where it has one · endpoint: the address of another Hub than huggingface.co or
    $HF_ENDPOINT. $HF_HUB_OFFLINE is heeded; a login's token is used. Raises SettingsError without any revision,
    InputError where the Hub cannot give the file, WeightsError where a file is not the one it should be, OutputError
    where it cannot be written.
    """
    from huggingface_hub import constants

    chosen = revision or model.revision
    if chosen is None:
        raise SettingsError(
            f"No revision of {model.repository} is pinned here; look at its page, choose a commit, and give it as "
            "--revision (main takes whatever is newest)."
        )
    place = _Place(model, chosen, endpoint)
    paths = []
    for file in model.files:
        expected = file if chosen == model.revision else PublicFile(file.path)
        target = Path(folder) / file.path
        if target.is_file() and expected.digest and matches(target, expected.size, expected.digest):
            _tell(on_file, file.path, "there")
        elif constants.HF_HUB_OFFLINE:
            if not target.is_file() or expected.digest:
                raise InputError(
                    f"{file.path} of {model.repository} is missing or altered in {folder}, and HF_HUB_OFFLINE forbids "
                    "downloading it; unset that variable, or copy the file there."
                )
            _tell(on_file, file.path, "there, not checked while offline")
        else:
            place = _fetch_file(place, expected, target, on_file)
        paths.append(target)
    for name, companion in model.companions:
        told = on_file and (lambda path, what, name=name: on_file(f"{name}/{path}", what))
        where = {"endpoint": endpoint, "on_file": told}
        paths += fetch(companion, Path(folder) / name, revision=companion.revision or chosen, **where)
    return paths


def matches(path: Path, size: int | None, digest: str) -> bool:
    """Whether a file has that size, if known, and that digest: SHA-256, or the SHA-1 that git gives a small file."""
    actual = path.stat().st_size
    if size is not None and actual != size:
        return False
    hasher = hashlib.sha256() if len(digest) == 64 else hashlib.sha1(b"blob %d\0" % actual, usedforsecurity=False)
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            hasher.update(piece)
    return hasher.hexdigest() == digest


def _fetch_file(place: _Place, expected: PublicFile, target: Path, on_file: OnFile | None) -> _Place:
    """Where the next file comes from: the commit that a branch stood at, so that all are of one."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    repository = place.model.repository
    if place.model.address:  # on no Hub, so pinned as a whole
        url = place.model.address.format(revision=place.revision, path=expected.path)
        _tell(on_file, expected.path, "downloading")
        _receive(place, expected, target, on_file, url, url)
        return place
    url = hf_hub_url(repository, expected.path, revision=place.revision, endpoint=place.endpoint)
    found = _asked(place, expected, lambda: get_hf_file_metadata(url))
    if _is_digest(found.commit_hash) and found.commit_hash != place.revision:
        _tell(on_file, repository, f"{place.revision} is commit {found.commit_hash}; as --revision it gives this again")
        return _fetch_file(replace(place, revision=str(found.commit_hash)), expected, target, on_file)
    digest = found.etag if _is_digest(found.etag) else None
    _check_offer(repository, expected, found.size, digest)
    expected = PublicFile(expected.path, expected.size or found.size, expected.digest or digest)
    if target.is_file() and expected.digest and matches(target, expected.size, expected.digest):
        _tell(on_file, expected.path, "there")
        return place
    _tell(on_file, expected.path, "downloading")
    _receive(place, expected, target, on_file, url, found.location)
    return place


def _receive(
    place: _Place, expected: PublicFile, target: Path, on_file: OnFile | None, url: str, location: str
) -> None:
    """Under its name once it is what it should be."""
    part = target.with_name(target.name + ".part")
    _download(place, expected, url, location, expected.size, part)
    if expected.digest and not matches(part, expected.size, expected.digest):
        part.unlink()
        raise WeightsError(
            f"{expected.path} of {place.model.repository} did not arrive intact (its content differs) and was "
            "removed; fetch it again."
        )
    os.replace(part, target)
    _tell(on_file, expected.path, "checked" if expected.digest else "there; the Hub gave no digest to check it by")


def _check_offer(repository: str, expected: PublicFile, size: int | None, digest: str | None) -> None:
    """What the Hub says it has must be what is pinned, before anything is downloaded. A pinned SHA-256 of a small file
    cannot be compared with git's SHA-1 of it; that one is checked when it is there.
    """
    same_kind = digest is not None and expected.digest is not None and len(digest) == len(expected.digest)
    other_digest = same_kind and digest != expected.digest
    if other_digest or (expected.size is not None and size is not None and size != expected.size):
        raise WeightsError(
            f"The Hub's {expected.path} of {repository} is not the file that is pinned here, and nothing was "
            "downloaded; give --revision if you know that another one is right."
        )


def _download(place: _Place, expected: PublicFile, url: str, location: str, size: int | None, part: Path) -> None:
    """Into `part`, from where it stopped."""
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    headers = build_hf_headers()
    if place.model.address or urlparse(url).netloc != urlparse(location).netloc:
        headers.pop("authorization", None)  # no other server is to see the user's token

    def get() -> None:
        part.parent.mkdir(parents=True, exist_ok=True)
        if size is not None and part.exists() and part.stat().st_size > size:
            part.unlink()
        with open(part, "ab") as file:
            http_get(
                location,
                file,
                resume_size=file.tell(),
                headers=headers,
                expected_size=size,
                displayed_filename=expected.path,
            )

    _asked(place, expected, get)


def _asked(place: _Place, file: PublicFile, ask: Callable[[], Any]) -> Any:
    """What `ask` gives; every way in which the Hub, the network or the disk can fail is one sentence."""
    from huggingface_hub import errors

    repository, revision = place.model.repository, place.revision
    page = f"https://huggingface.co/{repository}"
    try:
        return ask()
    except EmotiveTalkError:
        raise
    except errors.GatedRepoError as error:
        raise InputError(
            f"{repository} is only available to those who have accepted its licence; do so at {page}, then log in with "
            "`hf auth login` and fetch again."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise InputError(f"{repository} has no revision {revision}; choose one from {page}/commits/main.") from error
    except errors.EntryNotFoundError as error:
        raise InputError(f"{repository} has no {file.path} at revision {revision}; give another --revision.") from error
    except errors.RepositoryNotFoundError as error:
        raise InputError(f"{repository} is not on the Hub, or is not visible to you; look at {page}.") from error
    except Exception as error:  # the network's own faults, which differ from one version of the library to the next
        if isinstance(error, OSError) and error.errno in _NO_PLACE:
            reason = error.strerror or error
            raise OutputError(f"{file.path} cannot be written ({reason}); give another place with --folder.") from error
        why = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{file.path} of {repository} could not be downloaded ({why.rstrip('.')}); "
            "fetch again, and it continues where it stopped."
        ) from error


def _is_digest(etag: str | None) -> bool:
    return etag is not None and len(etag) in (40, 64) and set(etag) <= set("0123456789abcdef")


def _tell(on_file: OnFile | None, path: str, what: str) -> None:
    if on_file is not None:
        on_file(path, what)
