"""A headless ComfyUI on the CPU, with this pack and no other, in folders of its own."""

import contextlib
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from installation import ROOT, Installation, clean_environment

PORTRAIT, SPEECH = "emotivetalk_portrait.png", "emotivetalk_speech.wav"
"""The bundled portrait and recording, as the server's input folder has them."""

START_SECONDS = 180
NOT_THE_PACK = (".*", "tests", "runs", "out", "build", "dist", "__pycache__", "*.egg-info", "*.mp4")


def lay_out(base: Path) -> Path:
    """Fills an empty base folder with the pack, as an artist installs it, and two input files. The pack's folder."""
    pack = base / "custom_nodes" / "EmotiveTalk"
    shutil.copytree(ROOT, pack, ignore=shutil.ignore_patterns(*NOT_THE_PACK))
    for folder in ("input", "output", "temp", "models", "user"):
        (base / folder).mkdir()
    assets = ROOT / "emotivetalk_core" / "assets"
    shutil.copy(assets / "portrait.png", base / "input" / PORTRAIT)
    shutil.copy(assets / "speech.wav", base / "input" / SPEECH)
    return pack


class HostServer:
    """The server process; use it in a `with` statement. `url`: where it answers · `base`: its folders · `pack`: the
    pack's folder among them · `log_file`: everything that it says · `started`: when it first did, in seconds since
    the epoch.
    """

    def __init__(self, installation: Installation, base: Path) -> None:
        self.base = base
        self.pack = lay_out(base)
        self.log_file = base / "server.log"
        self._installation = installation
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> "HostServer":
        self.started = time.time()
        self._start()
        return self

    def __exit__(self, *fault: object) -> None:
        self._stop()

    @contextlib.contextmanager
    def killed(self) -> Iterator[None]:
        """Ends the process as a crash does. It is started again, on the same folders, when the block is left."""
        self._process.kill()
        self._stop()
        try:
            yield
        finally:
            self._start()

    def _start(self) -> None:
        self._log = self.log_file.open("ab")
        self._process = subprocess.Popen(
            self._command(),
            cwd=self._installation.folder,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self._stop()
            raise

    @property
    def process_id(self) -> int:
        """While it runs."""
        return self._process.pid

    def log_tail(self, lines: int = 40, columns: int = 300) -> str:
        """The last lines of what it said."""
        said = self.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(line[:columns] for line in said[-lines:])

    def _command(self) -> list[str]:
        # The classic cache keeps the last prompt's results whatever memory is free, so tests of caching cannot waver.
        options = (
            "--cpu --disable-all-custom-nodes --whitelist-custom-nodes EmotiveTalk --disable-api-nodes "
            "--disable-auto-launch --database-url sqlite:///:memory: --cache-classic"
        ).split()
        return [
            str(self._installation.python),
            str(self._installation.folder / "main.py"),
            *options,
            *("--base-directory", str(self.base), "--port", str(self._port)),
        ]

    def _wait_until_it_answers(self) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise RuntimeError(f"ComfyUI ended with status {self._process.returncode}:\n{self.log_tail()}")
            try:
                with urllib.request.urlopen(f"{self.url}/object_info/LoadImage", timeout=5):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.3)
        raise RuntimeError(f"ComfyUI did not answer within {START_SECONDS} seconds:\n{self.log_tail()}")

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
