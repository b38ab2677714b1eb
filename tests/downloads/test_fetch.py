"""`fetch` with the real huggingface-hub library against a small server that answers as the Hub does."""

import hashlib
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from emotivetalk_core.cli import main
from emotivetalk_core.cli.convert import METRICS, PHOTOGRAPHS
from emotivetalk_core.downloads.hub import fetch
from emotivetalk_core.downloads.public_files import PUBLIC_MODELS, PublicFile, PublicModel
from emotivetalk_core.errors import InputError, OutputError, SettingsError, WeightsError

COMMIT, ANOTHER = "a" * 40, "b" * 40
WEIGHTS = bytes(range(256)) * 2000
CONFIG = b'{"model_type": "wav2vec2"}'


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Hub:
    """A repository of two files; `requests` are the methods, paths and byte ranges that were asked for.

    linked: large files lie on another address, as the true Hub's do; what is asked there says nothing of their SHA-256.
    moves: what `main` holds once its first file was asked for.
    """

    def __init__(self) -> None:
        self.repository = "somebody/some-model"
        self.files = {"model.safetensors": WEIGHTS, "sub/config.json": CONFIG}
        self.etags = {"model.safetensors": sha256(WEIGHTS), "sub/config.json": git_sha1(CONFIG)}
        self.requests: list[tuple[str, str, str | None]] = []
        self.ends_at: int | None = None
        self.gated = False
        self.linked: set[str] = set()
        self.moves: dict[str, bytes] = {}
        self.moved = False
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                self.answer(False)

            def do_GET(self) -> None:
                self.answer(True)

            def answer(self, with_body: bool) -> None:
                hub.answer(self, with_body)

            def log_message(self, *_) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler, with_body: bool) -> None:
        ranged = handler.headers.get("Range")
        self.requests.append((handler.command, handler.path, ranged))
        repository, _, rest = handler.path.lstrip("/").partition("/resolve/")
        revision, _, path = rest.removesuffix("?elsewhere").partition("/")
        if self.gated:
            return self.refuse(handler, 403, "GatedRepo")
        if repository != self.repository:
            return self.refuse(handler, 404, "RepoNotFound")
        if revision not in (COMMIT, ANOTHER, "main"):
            return self.refuse(handler, 404, "RevisionNotFound")
        if path not in self.files:
            return self.refuse(handler, 404, "EntryNotFound")
        data = self.moves[path] if self.moved and revision == "main" else self.files[path]
        self.moved = bool(self.moves)
        if path in self.linked and handler.command == "HEAD":
            handler.send_response(302)
            handler.send_header("X-Repo-Commit", COMMIT)
            handler.send_header("X-Linked-Etag", f'"{self.etags[path]}"')
            handler.send_header("X-Linked-Size", str(len(data)))
            handler.send_header("ETag", '"of the answer, not of the file"')
            other = self.endpoint.replace("127.0.0.1", "localhost")
            handler.send_header("Location", f"{other}{handler.path}?elsewhere")
            handler.send_header("Content-Length", "0")
            return handler.end_headers()
        start = int(ranged.removeprefix("bytes=").rstrip("-")) if ranged else 0
        handler.send_response(206 if ranged else 200)
        handler.send_header("X-Repo-Commit", COMMIT)
        handler.send_header("ETag", f'"{self.etags[path]}"')
        handler.send_header("Content-Length", str(len(data) - start))
        if ranged:
            handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        handler.end_headers()
        if with_body:
            handler.wfile.write(data[start : self.ends_at])
            handler.close_connection = self.ends_at is not None

    @staticmethod
    def refuse(handler: BaseHTTPRequestHandler, status: int, code: str) -> None:
        handler.send_response(status)
        handler.send_header("X-Error-Code", code)
        handler.send_header("Content-Length", "0")
        handler.end_headers()


@pytest.fixture(autouse=True)
def online(monkeypatch):
    """Whoever runs the tests may be offline on purpose; the hub of these tests is on the same machine."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):  # the library heeds both
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)


@pytest.fixture
def hub(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = Hub()
    yield server
    server.server.shutdown()


def model(**changes) -> PublicModel:
    files = (
        PublicFile("model.safetensors", len(WEIGHTS), sha256(WEIGHTS)),
        PublicFile("sub/config.json", len(CONFIG), git_sha1(CONFIG)),
    )
    given = {"name": "some", "repository": "somebody/some-model", "revision": COMMIT, "licence": "MIT", "use": ""}
    return PublicModel(**({"files": files} | given | changes))


def one_sentence(error: pytest.ExceptionInfo) -> str:
    message = str(error.value)
    assert message.endswith(".") and "\n" not in message
    return message


def test_files_arrive_checked_and_are_not_fetched_twice(hub, tmp_path):
    told = []
    paths = fetch(model(), tmp_path, endpoint=hub.endpoint, on_file=lambda path, what: told.append(what))
    assert [path.read_bytes() for path in paths] == [WEIGHTS, CONFIG]
    assert paths == [tmp_path / "model.safetensors", tmp_path / "sub" / "config.json"]
    assert told == ["downloading", "checked"] * 2
    assert not list(tmp_path.rglob("*.part"))
    asked = len(hub.requests)
    fetch(model(), tmp_path, endpoint=hub.endpoint)
    assert len(hub.requests) == asked  # what is pinned and right needs no Hub
    assert all(f"/resolve/{COMMIT}/" in path for _, path, _ in hub.requests)


def test_a_download_goes_on_where_it_stopped(hub, tmp_path):
    (tmp_path / "model.safetensors.part").write_bytes(WEIGHTS[:300_000])
    fetch(model(), tmp_path, endpoint=hub.endpoint)
    assert (tmp_path / "model.safetensors").read_bytes() == WEIGHTS
    assert [ranged for method, path, ranged in hub.requests if method == "GET" and "safetensors" in path] == [
        "bytes=300000-"
    ]


def test_a_broken_connection_keeps_what_came(hub, tmp_path, monkeypatch):
    from huggingface_hub import constants, file_download

    monkeypatch.setattr(file_download.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 10_000)  # it keeps whole chunks of what came
    hub.ends_at = 50_000
    with pytest.raises(InputError, match="could not be downloaded.*continues where it stopped") as error:
        fetch(model(), tmp_path, endpoint=hub.endpoint)
    one_sentence(error)
    came = (tmp_path / "model.safetensors.part").stat().st_size
    assert came == 50_000 and not (tmp_path / "model.safetensors").exists()
    hub.ends_at = None
    fetch(model(), tmp_path, endpoint=hub.endpoint)
    assert (tmp_path / "model.safetensors").read_bytes() == WEIGHTS


def test_companions_come_along_each_at_its_own_revision(hub, tmp_path):
    """One that is on no Hub is checked by its pinned digest, and is not told the user's token."""
    elsewhere = model(
        name="elsewhere",
        repository="somebody/some-model on GitHub",
        revision=ANOTHER,
        files=(PublicFile("sub/config.json", len(CONFIG), sha256(CONFIG)),),
        address=hub.endpoint + "/somebody/some-model/resolve/{revision}/{path}",
    )
    unpinned = model(revision=None, files=(PublicFile("model.safetensors"),))
    chosen = model(revision=None, companions=(("beside", unpinned), ("priors", elsewhere)))
    told = []
    paths = fetch(
        chosen, tmp_path, revision="main", endpoint=hub.endpoint, on_file=lambda path, what: told.append(path)
    )
    assert (tmp_path / "beside" / "model.safetensors").read_bytes() == WEIGHTS
    assert (tmp_path / "priors" / "sub" / "config.json").read_bytes() == CONFIG
    assert len(paths) == 4 and "priors/sub/config.json" in told
    asked = {path for _, path, _ in hub.requests if ANOTHER in path}
    assert asked == {f"/somebody/some-model/resolve/{ANOTHER}/sub/config.json"}
    hub.files["sub/config.json"] = CONFIG[::-1]
    (tmp_path / "priors" / "sub" / "config.json").unlink()
    with pytest.raises(WeightsError, match="content differs"):
        fetch(elsewhere, tmp_path / "priors")


def test_another_file_under_the_pinned_name_is_not_downloaded(hub, tmp_path):
    hub.files["model.safetensors"] = WEIGHTS[::-1]
    hub.etags["model.safetensors"] = sha256(WEIGHTS[::-1])
    with pytest.raises(WeightsError, match="not the file that is pinned") as error:
        fetch(model(), tmp_path, endpoint=hub.endpoint)
    one_sentence(error)
    assert not list(tmp_path.iterdir()) and all(method == "HEAD" for method, _, _ in hub.requests)


@pytest.mark.parametrize("pinned", [True, False])
def test_content_that_is_not_what_the_hub_says_is_removed(hub, tmp_path, pinned):
    hub.files["model.safetensors"] = WEIGHTS[::-1]  # of the same size, under the right digest
    chosen = model() if pinned else model(files=(PublicFile("model.safetensors"),))
    with pytest.raises(WeightsError, match="content differs.*fetch it again") as error:
        fetch(chosen, tmp_path, endpoint=hub.endpoint)
    one_sentence(error)
    assert not list(tmp_path.iterdir())


def test_the_hubs_sha256_of_a_large_file_counts_where_none_is_pinned(hub, tmp_path):
    """X-Linked-Etag, which comes with the way to the file; what then arrives is held against it."""
    hub.linked = {"model.safetensors"}
    unpinned = model(revision=None, files=(PublicFile("model.safetensors"),))
    told = []
    fetch(unpinned, tmp_path, revision="main", endpoint=hub.endpoint, on_file=lambda path, what: told.append(what))
    assert (tmp_path / "model.safetensors").read_bytes() == WEIGHTS and told[-1] == "checked"
    (tmp_path / "model.safetensors").unlink()
    hub.files["model.safetensors"] = WEIGHTS[:1000] + b"?" + WEIGHTS[1001:]  # one byte, on its way
    with pytest.raises(WeightsError, match="content differs.*fetch it again"):
        fetch(unpinned, tmp_path, revision="main", endpoint=hub.endpoint)
    assert not list(tmp_path.iterdir())


def test_all_files_of_a_branch_are_of_one_commit_which_is_said(hub, tmp_path):
    """Somebody pushes between the first file and the second."""
    hub.moves = {"model.safetensors": WEIGHTS[::-1], "sub/config.json": b"{}"}
    unpinned = model(revision=None, files=(PublicFile("model.safetensors"), PublicFile("sub/config.json")))
    told = []
    fetch(unpinned, tmp_path, revision="main", endpoint=hub.endpoint, on_file=lambda path, what: told.append(what))
    assert (tmp_path / "sub" / "config.json").read_bytes() == CONFIG
    assert told[0].startswith(f"main is commit {COMMIT}") and "--revision" in told[0]
    assert sum(what.startswith("main is") for what in told) == 1


def test_a_damaged_file_is_fetched_again(hub, tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"damaged")
    fetch(model(), tmp_path, endpoint=hub.endpoint)
    assert (tmp_path / "model.safetensors").read_bytes() == WEIGHTS


def test_without_a_pinned_revision_the_user_chooses(hub, tmp_path):
    with pytest.raises(SettingsError, match="--revision") as error:
        fetch(model(revision=None), tmp_path, endpoint=hub.endpoint)
    one_sentence(error)
    assert not hub.requests
    fetch(model(revision=None), tmp_path, revision="main", endpoint=hub.endpoint)
    assert (tmp_path / "model.safetensors").read_bytes() == WEIGHTS


def test_another_revision_is_checked_by_the_hubs_own_digests(hub, tmp_path):
    chosen = model(revision=ANOTHER, files=(PublicFile("model.safetensors", 1, sha256(b"x")),))
    fetch(chosen, tmp_path, revision="main", endpoint=hub.endpoint)
    assert (tmp_path / "model.safetensors").read_bytes() == WEIGHTS


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"repository": "somebody/else"}, "somebody/else is not on the Hub"),
        ({"revision": "c" * 40}, f"no revision {'c' * 40}"),
        ({"files": (PublicFile("absent.safetensors"),)}, "no absent.safetensors at revision"),
    ],
)
def test_what_the_hub_does_not_have(hub, tmp_path, changes, named):
    with pytest.raises(InputError, match=named) as error:
        fetch(model(**changes), tmp_path, endpoint=hub.endpoint)
    one_sentence(error)


def test_a_gated_repository(hub, tmp_path):
    hub.gated = True
    with pytest.raises(InputError, match="accepted its licence.*hf auth login") as error:
        fetch(model(), tmp_path, endpoint=hub.endpoint)
    one_sentence(error)


def test_no_hub_at_all(tmp_path):
    with pytest.raises(InputError, match="could not be downloaded") as error:
        fetch(model(), tmp_path, endpoint="http://127.0.0.1:9")
    one_sentence(error)


def test_a_folder_that_cannot_be_written(hub, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written.*--folder") as error:
        fetch(model(), tmp_path / "file", endpoint=hub.endpoint)
    one_sentence(error)


def run_fetch(arguments: list[str], **environment: str) -> subprocess.CompletedProcess:
    """In a fresh process: the library reads its variables when it is imported."""
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    command = [sys.executable, "-m", "emotivetalk_core", "fetch", *arguments]
    root = Path(__file__).resolve().parents[2]
    return subprocess.run(command, cwd=root, env=kept | environment, capture_output=True, text=True, timeout=120)


def test_offline_mode_is_heeded(hub, tmp_path):
    done = run_fetch(["wav2vec2-base", "--folder", str(tmp_path)], HF_HUB_OFFLINE="1", HF_ENDPOINT=hub.endpoint)
    assert done.returncode == 2 and "HF_HUB_OFFLINE" in done.stderr
    assert done.stderr.count("\n") == 1 and not hub.requests


def test_the_command_asks_for_the_pinned_revision(hub, tmp_path):
    hub.repository = "facebook/wav2vec2-base-960h"
    done = run_fetch(["wav2vec2-base", "--folder", str(tmp_path)], HF_ENDPOINT=hub.endpoint)
    assert done.returncode == 2 and done.stderr.startswith(
        "error: facebook/wav2vec2-base-960h has no revision 22aad52d"
    )
    assert "/facebook/wav2vec2-base-960h/resolve/22aad52d435eb6dbaf354bdad9b0da84ce7d6156/config.json" in str(
        hub.requests
    )


def test_the_command_lists_and_refuses_names(capsys):
    assert main(["fetch"]) == 0
    printed = capsys.readouterr().out
    for public in PUBLIC_MODELS:
        assert public.repository in printed and public.licence in printed
    assert main(["fetch", "svd-xxl"]) == 2
    assert "svd-xt" in capsys.readouterr().err


def test_the_table_is_well_formed():
    assert len({public.name for public in PUBLIC_MODELS}) == len(PUBLIC_MODELS)
    for public in PUBLIC_MODELS:
        assert public.revision is None or len(public.revision) == 40 or public.address
        read_as_tensors = public.name in (*PHOTOGRAPHS, *METRICS)  # `convert` reads these, tensors alone
        for file in public.files:
            assert not file.path.endswith((".bin", ".ckpt"))
            assert not file.path.endswith((".pt", ".pth", ".model")) or read_as_tensors
            assert (file.size is None) == (file.digest is None) or len(file.digest) == 40
            assert file.digest is None or len(file.digest) in (40, 64)
