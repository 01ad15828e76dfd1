"""The drawing in docs/architecture.md, held: no arrow points up, heavy libraries stay fenced."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = ("games", "engine", "agents", "scripts")
FILES = sorted(path for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))
SINGLE_GAMES = {
    f"games.{path.stem}"
    for path in (ROOT / "games").glob("*.py")
    if "\nSTATE = " in path.read_text(encoding="utf-8")
}


def imported_modules(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_imports_point_down(path):
    own = LAYERS.index(path.relative_to(ROOT).parts[0])
    tops = {name.split(".")[0] for name in imported_modules(path)}
    above = tops & set(LAYERS[own + 1 :])
    assert not above, f"{relative(path)} imports {above} from above"


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_heavy_libraries_stay_behind_their_fences(path):
    name = relative(path)
    tops = {module.split(".")[0] for module in imported_modules(path)}
    if name.startswith(("games/", "engine/kernels/", "engine/search/")):
        assert not tops & {"torch", "openvino", "ray"}
    if not name.startswith("engine/orchestration/ray_"):
        assert "ray" not in tops
    if not name.startswith("games/bridges/"):
        assert not tops & {"gymnasium", "pettingzoo"}
    if not name.startswith("scripts/") and not name.startswith("agents/terminal/"):
        assert not tops & {"rich", "textual", "click", "matplotlib"}


@pytest.mark.parametrize(
    "path", [p for p in FILES if relative(p).startswith("engine/")], ids=relative
)
def test_the_engine_knows_no_single_game(path):
    assert not imported_modules(path) & SINGLE_GAMES


def test_no_two_folders_of_the_engine_import_each_other():
    arrows = set()
    for path in (ROOT / "engine").rglob("*.py"):
        own = relative(path).split("/")[1]
        for module in imported_modules(path):
            if module.startswith("engine.") and (other := module.split(".")[1]) != own:
                arrows.add((own, other))
    assert [pair for pair in sorted(arrows) if pair[::-1] in arrows] == []


def test_the_folders_are_ours():
    """Their names are common words: another distribution of that name must not shadow them."""
    for layer in LAYERS:
        module = __import__(layer)
        assert Path(module.__file__).parent == ROOT / layer


def test_reading_the_settings_of_a_run_loads_neither_networks_nor_search():
    """Every part's settings stand apart from the part: most commands need them and nothing else."""
    listing = "import sys, engine.config; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert not loaded & {"torch", "openvino", "engine.search.search", "engine.selfplay.actor"}
