"""Hears what the server tells a front end while it works: progress, and latent previews. The few lines of WebSocket
(RFC 6455) that this takes spare the tests a library.
"""

import base64
import json
import os
import socket
import struct
import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable
from typing import Any

_TEXT, _BINARY, _CLOSE = 1, 2, 8


class Listener:
    """Use it in a `with` statement, and give `client_id` to the run. `messages`: (seconds on the monotonic clock, type,
    data) · `previews`: the binary messages, which hold the pictures.
    """

    def __init__(self, url: str) -> None:
        self.client_id = uuid.uuid4().hex
        self.messages: list[tuple[float, str, dict[str, Any]]] = []
        self.previews: list[bytes] = []
        self._place = urllib.parse.urlparse(url).netloc

    def __enter__(self) -> "Listener":
        name, port = self._place.split(":")
        self._socket = socket.create_connection((name, int(port)), timeout=30)
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET /ws?clientId={self.client_id} HTTP/1.1\r\nHost: {self._place}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self._stream = self._socket.makefile("rb")
        status = self._stream.readline()
        assert b" 101 " in status, status
        while self._stream.readline().strip():
            pass
        self._socket.settimeout(None)
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *fault: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def progress_of(self, node_id: str) -> list[tuple[float, int, int]]:
        """(when, done, total) as told of one node."""
        told = [(when, data) for when, kind, data in list(self.messages) if kind == "progress"]
        return [(when, data["value"], data["max"]) for when, data in told if data["node"] == node_id]

    def wait_for(self, holds: Callable[["Listener"], bool], seconds: float = 120) -> None:
        until = time.monotonic() + seconds
        while not holds(self):
            if time.monotonic() > until:
                raise TimeoutError(f"Nothing of the kind was heard in {seconds:.0f} seconds.")
            time.sleep(0.01)

    def _listen(self) -> None:
        """Until the connection ends. Every message of this server comes in one frame, unmasked, as from any server."""
        while header := self._stream.read(2):
            kind, length = header[0] & 0x0F, header[1] & 0x7F
            if length == 126:
                (length,) = struct.unpack(">H", self._stream.read(2))
            elif length == 127:
                (length,) = struct.unpack(">Q", self._stream.read(8))
            payload = self._stream.read(length)
            if kind == _TEXT:
                message = json.loads(payload)
                self.messages.append((time.monotonic(), message["type"], message["data"]))
            elif kind == _BINARY:
                self.previews.append(payload)
            elif kind == _CLOSE:
                return
