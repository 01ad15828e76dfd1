"""Everything but --ray works where Ray, Gymnasium, PettingZoo and OpenVINO cannot be imported."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
MISSING = ("ray", "gymnasium", "pettingzoo", "openvino")

BLOCKER = f"""
import importlib.machinery, sys

class Without(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in {MISSING!r}:
            return None
        return super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(importlib.machinery.PathFinder)] = Without
"""

IMPORT_ALL = f"""
import ast, importlib, pathlib, sys
for missing in {MISSING!r}:
    try:
        importlib.import_module(missing)
    except ModuleNotFoundError:
        continue
    sys.exit(missing + " can be imported")
root = pathlib.Path(sys.argv[1])
own = ("games/bridges/", "agents/alpha_beta/evaluations/", "scripts/templates/", "scripts/presets/")
failed = []
for layer in ("games", "engine", "agents", "scripts"):
    for path in sorted((root / layer).rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if name.startswith(own) or "_template" in name:
            continue
        module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            missing = (error.name or "").partition(".")[0]
            failed.append((module, missing))
print("\\n".join(module + " " + missing for module, missing in failed))
"""


@pytest.fixture(scope="module")
def blocked(tmp_path_factory):
    """Environment of a Python, and of those that it starts, without these packages."""
    folder = tmp_path_factory.mktemp("blocked")
    (folder / "sitecustomize.py").write_text(BLOCKER)
    paths = [str(folder), str(ROOT), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}


def test_only_what_is_made_of_them_needs_them(blocked):
    result = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, str(ROOT)],
        env=blocked, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    failed = dict(line.split() for line in result.stdout.splitlines())
    extras = {"sklearn", "mlxtend", "nbformat", "chess", "cshogi"}  # of lectures and tests
    failed = {module: missing for module, missing in failed.items() if missing not in extras}
    assert {name.partition(".")[0] for name in failed.values()} <= set(MISSING)
    allowed = {
        "engine.inference.openvino_backend", "engine.inference.openvino_graph",
        "engine.orchestration.ray_carrier",
    }  # fmt: skip
    assert failed.keys() <= allowed


def meijin(blocked, *arguments, seconds=300):
    return subprocess.run(
        [sys.executable, "-m", "scripts.cli", *arguments],
        env=blocked, capture_output=True, text=True, timeout=seconds,
    )  # fmt: skip


def test_training_plays_on_the_networks_that_pytorch_runs(blocked, tmp_path):
    run = tmp_path / "run"
    settings = [
        "network.kind=perceptron", "network.hidden=[16]", "search.simulations=8",
        "selfplay.games=16", "bootstrap.simulations=8", "learning.limiter.start_rows=200",
        "learning.batch_rows=32", "publish_seconds=1",
    ]  # fmt: skip
    hasty = Path(__file__).parents[1] / "engine" / "orchestration" / "hasty_cli.py"
    command = [
        sys.executable, str(hasty), "train", "tic_tac_toe", "--run", str(run),
        "--minutes", "30", "--workers", "1", "--plain", "--no-judge",
        *(part for text in settings for part in ("--set", text)),
    ]  # fmt: skip
    training = subprocess.Popen(
        command, env=blocked, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and training.poll() is None:
        if len(list((run / "weights").glob("*.safetensors"))) >= 3:
            break
        time.sleep(0.2)
    training.send_signal(signal.SIGINT)
    said = training.communicate(timeout=120)[0]
    assert training.returncode == 0 and "Traceback" not in said, said
    assert "OpenVINO cannot be imported" in said
    played = meijin(blocked, "match", str(run), "random", "--game", "tic_tac_toe", "--games", "4")
    assert played.returncode == 0, played.stdout + played.stderr


def test_ray_and_environments_are_missed_in_one_line(blocked):
    for arguments in (
        ["train", "tic_tac_toe", "--ray", "--run", "/nonexistent/run"],
        ["check", "pettingzoo:pettingzoo.classic.tictactoe_v3"],
    ):
        result = meijin(blocked, *arguments)
        assert result.returncode != 0
        said = (result.stderr or result.stdout).strip()
        assert "Traceback" not in said and len(said.splitlines()) <= 4, said
