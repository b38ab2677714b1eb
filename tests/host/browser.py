"""A headless Chromium, driven through chromedriver's own HTTP interface (W3C WebDriver): no library is needed."""

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


class ScriptError(Exception):
    """What went wrong in the page."""


class Browser:
    """One window. Use it with `with`: it ends what it started, and its profile lies in `folder`."""

    def __init__(self, folder: Path, width: int = 1920, height: int = 1080) -> None:
        self.folder, self.size = folder, (width, height)

    @staticmethod
    def missing() -> str:
        """What to install first, or nothing where everything is there."""
        chromium = _chromium() is not None and shutil.which("chromedriver") is not None
        return "" if chromium else "page tests need Chromium and chromedriver: install both (Debian: chromium-driver)"

    def __enter__(self) -> "Browser":
        port = _free_port()
        driver = shutil.which("chromedriver") or "chromedriver"
        self.process = subprocess.Popen(
            [driver, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.session = f"http://127.0.0.1:{port}/session"
        try:
            self._wait_for_driver(f"http://127.0.0.1:{port}/status")
            options = {"binary": _chromium(), "args": [*ARGUMENTS, f"--user-data-dir={self.folder}"]}
            options["args"].append("--window-size={},{}".format(*self.size))
            wanted = {
                "goog:chromeOptions": options,
                "timeouts": {"script": 120_000},
                "goog:loggingPrefs": {"browser": "ALL"},
            }
            answer = self._post("", {"capabilities": {"alwaysMatch": wanted}})
            self.session += "/" + answer["sessionId"]
        except BaseException:
            self.process.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            _request("DELETE", self.session, None)
        finally:
            self.process.terminate()
            self.process.wait(20)

    def open(self, url: str) -> None:
        self._post("/url", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        """What the body of an async JavaScript function returns, given `arguments`. ScriptError where it throws."""
        wrapped = (
            "const done = arguments[arguments.length - 1], given = [...arguments].slice(0, -1);"
            f"(async (...arguments) => {{ {script} }})(...given)"
            ".then(value => done({value: value ?? null}), error => done({error: String(error?.stack ?? error)}));"
        )
        answer = self._post("/execute/async", {"script": wrapped, "args": list(arguments)})
        if "error" in answer:
            raise ScriptError(answer["error"])
        return answer["value"]

    def wait(self, condition: str, seconds: float = 60) -> None:
        """Until the JavaScript expression is true. ScriptError where it never is."""
        end = time.monotonic() + seconds
        while not self.run(f"return Boolean({condition})"):
            if time.monotonic() > end:
                raise ScriptError(f"not true after {seconds:.0f} s: {condition}")
            time.sleep(0.3)

    def screenshot(self, path: Path) -> None:
        with urllib.request.urlopen(self.session + "/screenshot", timeout=120) as answer:
            path.write_bytes(base64.b64decode(json.load(answer)["value"]))

    def log(self) -> list[str]:
        """What the page has written to its console since the last call: errors only."""
        entries = self._post("/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        return _request("POST", self.session + path, body)

    def _wait_for_driver(self, status: str) -> None:
        end = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(status, timeout=5).close()
                return
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)


def _chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _request(method: str, url: str, body: dict[str, Any] | None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        raise ScriptError(error.read().decode(errors="replace")) from None
