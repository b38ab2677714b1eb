"""What holds for the whole project: pure imports, one-way layers, declared libraries, short files, a whole map; and for
the nodes: the host's memory management and nothing of their own beside it.
"""

import ast
import json
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "emotivetalk_core"
SOURCES = sorted(PACKAGE.rglob("*.py"))
NODES = sorted((ROOT / "nodes").rglob("*.py"))
HOST_MODULES = {"comfy", "comfy_api", "comfy_execution", "comfy_extras", "folder_paths", "latent_preview", "server"}
OWN_MEMORY_MANAGEMENT = re.compile(r"\.cuda\(|empty_cache|[\"']cuda")
LONGEST_FILE = 400
PYTHON = [ROOT / "__init__.py", *NODES, *SOURCES, *sorted((ROOT / "tests").rglob("*.py"))]
# What comfy-test, a test tool for ComfyUI's node packs, refuses in every .py, training and tests too: networks that a
# host loads take their layers from `operations`, and compute in the number format that they are given.
REFUSED = re.compile(
    r"(?<![\w.])(?:torch\.)?nn\.(?:Linear|Conv[123]d|ConvTranspose[12]d|LayerNorm|GroupNorm|Embedding)\s*\("
    r"|torch\.autocast\s*\(|torch\.(?:cuda\.)?amp\.autocast|\.cuda\s*\(|\.to\s*\(\s*(?:torch\.device\s*\(\s*)?[\"']cuda"
)

IMPORT_EVERYTHING = """
import importlib, json, os, pkgutil, random, warnings
# First: OpenCV itself sets LD_LIBRARY_PATH when it is loaded, and SciPy adds filters of warnings.
import cv2, numpy, scipy.spatial, torch

def state():
    return {
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "files": sorted(os.listdir()),
        "random": random.getstate(),
        "numpy's random": numpy.random.get_state()[1].tolist(),
        "torch's random": torch.get_rng_state().tolist(),
        "default dtype": str(torch.get_default_dtype()),
        "gradients": torch.is_grad_enabled(),
        "threads": torch.get_num_threads(),
        "warnings": str(warnings.filters),
    }

before = state()
import emotivetalk_core
names = [m.name for m in pkgutil.walk_packages(emotivetalk_core.__path__, "emotivetalk_core.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
after = state()
print(json.dumps({"modules": len(names), "changed": [name for name in before if before[name] != after[name]]}))
"""

IMPORT_ONE = """
import json, sys, time
began = time.perf_counter()
import {module}
seconds = time.perf_counter() - began
print(json.dumps({{"seconds": seconds, "modules": sorted({{name.split(".")[0] for name in sys.modules}})}}))
"""


def run_python(code: str, folder: Path) -> dict:
    environment = {"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    finished = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout.splitlines()[-1])


def test_importing_the_package_is_instant_and_brings_no_library(tmp_path):
    found = run_python(IMPORT_ONE.format(module="emotivetalk_core"), tmp_path)
    assert found["seconds"] < 0.5
    assert not {"torch", "numpy", "cv2", "diffusers", "transformers"} & set(found["modules"])


def test_the_command_line_starts_without_the_heavy_libraries(tmp_path):
    found = run_python(IMPORT_ONE.format(module="emotivetalk_core.cli"), tmp_path)
    heavy = {"diffusers", "transformers", "soxr", "skimage", "espeakng_loader"}
    assert not heavy & set(found["modules"])


def test_importing_every_module_changes_nothing_around_it(tmp_path):
    found = run_python(IMPORT_EVERYTHING, tmp_path)
    assert found["modules"] > 20
    assert found["changed"] == []


def test_imports_go_one_way():
    """The contracts stand in pyproject.toml, with the order of the layers."""
    code = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    finished = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert finished.returncode == 0, finished.stdout


def third_party_imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names)


def test_imports_inside_the_package_are_relative():
    """A host may load the package under any name."""
    sources = [ROOT / "__init__.py", *NODES, *SOURCES]
    assert [path.name for path in sources if third_party_imports(path) & {"emotivetalk_core", "nodes"}] == []


def relative_imports(path: Path) -> set[Path]:
    """The folders or modules, without ending, that a file imports by dots."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            found.add(path.parents[node.level - 1].joinpath(*(node.module or "").split(".")))
    return found


def files_imported(path: Path) -> set[Path]:
    """Those of the package that a file imports by dots, wherever in it, but for what only a type checker reads."""
    found, todo = set(), [ast.parse(path.read_text(encoding="utf-8"))]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and node.level:
            base = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            named = [base.with_suffix(".py"), *((base / alias.name).with_suffix(".py") for alias in node.names)]
            found |= {file for file in named if file.is_file()}
        todo += ast.iter_child_nodes(node)
    return found


@pytest.mark.parametrize("sources", [SOURCES, NODES], ids=["core", "nodes"])
def test_no_files_import_each_other_in_a_circle(sources):
    """Files that nothing left imports are taken away until none is left, or a circle is."""
    left = {path: files_imported(path) & set(sources) for path in sources}
    assert sum(map(len, left.values())) > len(sources)  # they are read
    while ends := [path for path, imported in left.items() if not imported & set(left)]:
        for path in ends:
            del left[path]
    assert sorted(path.relative_to(ROOT).as_posix() for path in left) == []


def test_no_two_public_classes_of_the_core_have_one_name():
    """Whoever reads a name should not have to ask which of the two it is."""
    places: dict[str, list[str]] = {}
    for path in SOURCES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(path.relative_to(PACKAGE).as_posix())
    assert len(places) > 100
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def test_the_core_never_imports_the_nodes():
    assert [path.name for path in SOURCES if any(not to.is_relative_to(PACKAGE) for to in relative_imports(path))] == []


def test_nodes_import_by_dots_only_the_core_and_each_other():
    inside = (PACKAGE, ROOT / "nodes")
    for path in NODES:
        assert all(any(to.is_relative_to(folder) for folder in inside) for to in relative_imports(path)), path.name


def test_nodes_leave_devices_and_memory_to_the_host():
    assert [path.name for path in NODES if OWN_MEMORY_MANAGEMENT.search(path.read_text(encoding="utf-8"))] == []


def test_every_imported_library_is_declared():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    declared = {re.split(r"[^A-Za-z0-9_.-]", line, maxsplit=1)[0].lower() for line in lines if line and line[0] != "#"}
    declared |= {"espeakng-loader", "numba", "opencv-python-headless", "bitsandbytes"}  # of the extras
    distributions = packages_distributions()
    for path in [*SOURCES, *NODES]:
        for name in third_party_imports(path) - HOST_MODULES:
            offered_by = {offer.lower().replace("_", "-") for offer in distributions.get(name, [name])}
            assert offered_by & declared, f"{path.relative_to(ROOT)} imports {name}: not in requirements.txt"


def test_every_source_is_readable_as_cp1252():
    """Tools on Windows read and print sources in that code page; comfy-test refuses a pack where one does not fit."""
    outside = {}
    for path in PYTHON:
        lacking = {sign for sign in path.read_text(encoding="utf-8") if not sign.encode("cp1252", "ignore")}
        if lacking:
            outside[str(path.relative_to(ROOT))] = sorted(map(ascii, lacking))
    assert outside == {}, "write ->, sqrt, sigma, or an escape"


def test_no_source_holds_what_comfy_test_refuses():
    assert all(REFUSED.search(line) for line in ("x = " + "nn" + ".Linear(3, 2)", "with torch" + ".autocast('cpu'):"))
    assert [str(path.relative_to(ROOT)) for path in PYTHON if REFUSED.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("folder", ["emotivetalk_core", "nodes", "tests"])
def test_no_file_is_long(folder):
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / folder).rglob("*.py")}
    assert [str(path.relative_to(ROOT)) for path, lines in lengths.items() if lines > LONGEST_FILE] == []


def test_no_two_files_of_tests_have_one_name():
    """Their folders are no packages: pytest reads one file of a name and stops at the second."""
    names = [path.name for path in sorted((ROOT / "tests").rglob("test_*.py"))]
    assert [name for name in sorted(set(names)) if names.count(name) > 1] == []


def test_every_module_has_its_line_in_the_map():
    written = (ROOT / "docs" / "map.md").read_text(encoding="utf-8")
    names = [path.relative_to(PACKAGE).as_posix() for path in SOURCES if path.name != "__init__.py"]
    names += [path.relative_to(ROOT).as_posix() for path in NODES if path.name != "__init__.py"]
    assert [name for name in names if f"`{name}`" not in written] == []


@pytest.mark.parametrize("page", ["README.md", "docs/map.md", "docs/method.md", "docs/talk.md"])
def test_no_page_names_a_module_that_is_gone(page):
    named = re.findall(r"`([a-z_0-9/]+\.py)`", (ROOT / page).read_text(encoding="utf-8"))
    assert [name for name in named if not (PACKAGE / name).is_file() and not (ROOT / name).is_file()] == []


def test_the_readme_marks_one_test_command_for_ci():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme.count("<!-- test command -->") == 1
    assert re.search(r"<!-- test command -->\n```[a-z]*\n.*-m pytest\b.*\n```", readme)


def test_every_link_of_a_page_leads_somewhere():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    dead = []
    for page in pages:
        for link in re.findall(r"\]\(([^)#\s]*)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if link and "://" not in link and not (page.parent / link).exists():
                dead.append(f"{page.name}: {link}")
    assert dead == []


def test_the_equations_are_where_the_method_page_says():
    table = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
    places = re.findall(r"`([a-z_0-9/]+\.py)`: ((?:`\w+`(?:, )?)+)", table)
    assert len(places) > 10
    for file, names in places:
        source = (PACKAGE / file).read_text(encoding="utf-8")
        for name in re.findall(r"\w+", names):
            assert re.search(rf"^(def|class) {name}\b", source, re.MULTILINE), f"{file} has no {name}"
