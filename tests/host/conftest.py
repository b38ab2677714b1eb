"""The real host for tests: found, started once, its log shown where a test fails."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from client import HostClient  # noqa: E402 - found only once the folder is on the path
from graphs import Workflow, quick_start  # noqa: E402
from installation import HOW_TO_ENABLE, Installation, find_installation  # noqa: E402
from server import HostServer  # noqa: E402

SERVER = pytest.StashKey[HostServer]()


@pytest.fixture(scope="session")
def installation() -> Installation:
    found = find_installation()
    if found is None:
        pytest.skip(HOW_TO_ENABLE)
    return found


@pytest.fixture(scope="session")
def host(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[HostServer]:
    """A running ComfyUI with this pack alone; `host.url` is where it answers."""
    with HostServer(installation, tmp_path_factory.mktemp("comfyui")) as server:
        request.config.stash[SERVER] = server
        yield server


@pytest.fixture(scope="session")
def client(host: HostServer) -> HostClient:
    return HostClient(host.url, host.base)


@pytest.fixture(scope="session")
def definitions(client: HostClient) -> dict[str, Any]:
    """Every node that the host offers, by id."""
    return client.node_definitions()


@pytest.fixture(scope="module")
def tiny_workflow(host: HostServer, definitions: dict[str, Any]) -> Iterator[Workflow]:
    """Five frames of the quick start on the smallest networks, whose weights lie on the host as long as a file of tests
    needs them.
    """
    from tiny_weights import give_tiny_weights, on_tiny_weights, weights_folder

    give_tiny_weights(host.base)
    yield on_tiny_weights(quick_start(0.2, definitions), host.base)
    shutil.rmtree(weights_folder(host.base))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    server = item.config.stash.get(SERVER, None)
    if report.failed and server is not None and "host" in getattr(item, "fixturenames", ()):
        report.sections.append(("the end of ComfyUI's log", server.log_tail()))
    return report
