"""Example workflows by the host's own executor, without a server: for devices that a headless server cannot have."""

import asyncio
import sys
from pathlib import Path
from types import SimpleNamespace

import execution
import server

import nodes

sys.path.append(str(Path(__file__).parents[1]))

from graphs import WORKFLOWS, read_workflow, trimmed  # noqa: E402  (the files here are no package)

SECONDS = 0.2
LEAST = {
    "EmotiveTalkSampleExpression": {"steps": 2},
    "EmotiveTalkWindowedSampler": {"steps": 1},
    "KSampler": {"steps": 1},
    "EmotiveTalkExampleFaces": {"frames": 6},
}


class Silent(SimpleNamespace):
    """What the executor needs of a server: somebody to tell, who does not listen."""

    client_id = last_node_id = last_prompt_id = None
    sockets_metadata: dict[str, object] = {}

    def send_sync(self, *_: object, **__: object) -> None:
        pass

    def send_progress_text(self, *_: object) -> None:
        pass


async def register_nodes() -> None:
    """The host's and ours, as main.py leaves them."""
    await nodes.init_extra_nodes(init_custom_nodes=False, init_api_nodes=False)
    extension = await sys.modules["custom_nodes_EmotiveTalk"].comfy_entrypoint()
    for node in await extension.get_node_list():
        nodes.NODE_CLASS_MAPPINGS[node.GET_SCHEMA().node_id] = node


def run_to_its_end(name: str) -> None:
    """Five frames of it, in as few steps as it goes."""
    if "EmotiveTalkCondition" not in nodes.NODE_CLASS_MAPPINGS:
        server.PromptServer.instance = Silent()
        asyncio.run(register_nodes())
    kinds = {kind: {"output": getattr(node, "RETURN_TYPES", ())} for kind, node in nodes.NODE_CLASS_MAPPINGS.items()}
    workflow = trimmed(read_workflow(WORKFLOWS / f"{name}.json"), SECONDS, kinds)
    for node in workflow.values():
        node["inputs"] |= LEAST.get(node["class_type"], {})
    valid, fault, outputs, _ = asyncio.run(execution.validate_prompt(name, workflow, None))
    assert valid, fault
    arguments = {"lru": 0, "ram": 0, "ram_inactive": 0}
    executor = execution.PromptExecutor(Silent(), cache_type=execution.CacheType.CLASSIC, cache_args=arguments)
    executor.execute(workflow, name, {}, outputs)
    for event, told in executor.status_messages:
        if event == "execution_error":
            raise AssertionError(f"{told['node_type']}: {told['exception_message']}\n{''.join(told['traceback'])}")
    assert executor.success


def check_emotion_from_a_driving_video() -> None:
    run_to_its_end("emotion_from_a_driving_video")


def check_emotion_from_speech() -> None:
    run_to_its_end("emotion_from_speech")


def check_head_pose_from_a_driving_video() -> None:
    run_to_its_end("head_pose_from_a_driving_video")


def check_paste_back() -> None:
    run_to_its_end("paste_back")


def check_stock_ksampler() -> None:
    run_to_its_end("stock_ksampler")
