"""What a node says beside its outputs: on itself in the editor, in the log, and in the host's record of the run."""

import logging
from collections.abc import Sequence
from typing import Any

from comfy_api.latest import io

HIDDEN = [io.Hidden.unique_id, io.Hidden.prompt]
"""What the schema of a node that uses this file asks the host for: its own number, and the whole workflow."""


def ui_notes(node: type[io.ComfyNode], notes: Sequence[str]) -> dict[str, Any] | None:
    """Says the notes, one a line, and gives what the node returns as its `ui`; None where there is nothing to say."""
    for note in notes:
        logging.info("EmotiveTalk: %s", note)
    if not notes:
        return None
    show(node, notes)
    return {"text": tuple(notes)}


def show(node: type[io.ComfyNode], notes: Sequence[str]) -> None:
    """Writes the notes on the node in the editor, in the place of what stood there."""
    if node.hidden is None or node.hidden.unique_id is None:
        return  # called by hand, outside of a workflow
    from server import PromptServer

    PromptServer.instance.send_progress_text("\n".join(notes), node.hidden.unique_id)
