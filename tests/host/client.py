"""Talks to a ComfyUI server as its front end does: workflows in API format in, results or the node's own fault out."""

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILMS = (".mp4", ".webm", ".mkv", ".mov")


class NodeError(Exception):
    """What an artist sees on a red node: which node, of which class, the kind of fault and its text."""

    def __init__(self, node_id: str, node_class: str, kind: str, message: str) -> None:
        super().__init__(f"node {node_id} ({node_class}): {kind}: {message}")
        self.node_id, self.node_class, self.kind, self.message = node_id, node_class, kind, message


class Interrupted(Exception):
    """The run was cancelled while node `node_id` worked."""

    def __init__(self, node_id: str, node_class: str) -> None:
        super().__init__(f"cancelled in node {node_id} ({node_class})")
        self.node_id, self.node_class = node_id, node_class


@dataclass(frozen=True)
class Run:
    """A finished run. outputs: what each output node shows, by its id · cached: ids of nodes that did not run again."""

    outputs: dict[str, dict[str, Any]]
    cached: frozenset[str]
    base: Path

    def files(self, *endings: str) -> list[Path]:
        """The files that the output nodes wrote, of these endings."""
        items = [item for output in self.outputs.values() for shown in output.values() for item in shown]
        named = [item for item in items if isinstance(item, dict) and "filename" in item]
        paths = [self.base / item["type"] / item["subfolder"] / item["filename"] for item in named]
        return [path for path in dict.fromkeys(paths) if path.suffix in endings]

    @property
    def films(self) -> list[Path]:
        return self.files(*FILMS)


class HostClient:
    """One user of the server at `url`, whose folders lie in `base`."""

    def __init__(self, url: str, base: Path) -> None:
        self.url, self.base = url, base

    def node_definitions(self) -> dict[str, Any]:
        """/object_info: every node that the host offers."""
        return self._ask("/object_info")

    def run(self, workflow: dict[str, Any], seconds: float = 240, client_id: str | None = None) -> Run:
        """Runs a workflow to its end. Raises NodeError, Interrupted, or TimeoutError after `seconds`."""
        return self.wait(self.submit(workflow, client_id), seconds)

    def submit(self, workflow: dict[str, Any], client_id: str | None = None) -> str:
        """Queues a workflow; its prompt id. NodeError where the host refuses it."""
        body: dict[str, Any] = {"prompt": workflow, "extra_data": {"preview_method": "latent2rgb"}}
        if client_id is not None:
            body["client_id"] = client_id
        try:
            return self._ask("/prompt", body)["prompt_id"]
        except urllib.error.HTTPError as refusal:
            raise _refusal(json.load(refusal)) from None

    def wait(self, prompt_id: str, seconds: float = 240) -> Run:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            entry = self._ask(f"/history/{prompt_id}").get(prompt_id)
            if entry is not None:
                return self._result(entry)
            time.sleep(0.1)
        self.interrupt()
        raise TimeoutError(f"The workflow had not ended after {seconds:.0f} seconds.")

    def interrupt(self) -> None:
        """The Cancel button."""
        self._ask("/interrupt", {})

    def _result(self, entry: dict[str, Any]) -> Run:
        messages = {kind: data for kind, data in entry["status"]["messages"]}
        if "execution_interrupted" in messages:
            fault = messages["execution_interrupted"]
            raise Interrupted(fault["node_id"], fault["node_type"])
        if "execution_error" in messages:
            fault = messages["execution_error"]
            kind, text = fault["exception_type"], fault["exception_message"].strip()
            raise NodeError(fault["node_id"], fault["node_type"], kind, text)
        return Run(entry["outputs"], frozenset(messages["execution_cached"]["nodes"]), self.base)

    def _ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None


def _refusal(answer: dict[str, Any]) -> NodeError:
    """The first fault of a workflow that the host refused before running anything."""
    for node_id, node in answer.get("node_errors", {}).items():
        fault = node["errors"][0]
        return NodeError(node_id, node["class_type"], fault["type"], f"{fault['message']}: {fault['details']}")
    fault = answer["error"]
    place = fault.get("extra_info", {})
    text = f"{fault['message']}: {fault['details']}"
    return NodeError(place.get("node_id", ""), place.get("class_type", ""), fault["type"], text)
