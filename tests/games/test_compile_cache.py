"""Compiled code is found again by the next process, and never when a rule was edited."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import games
from games import compile_cache

FOLDER = Path(games.__file__).parent

# Plays two moves of a game and tells what it saw and how many functions were compiled for it.
PROBE = """
import json, sys
from numba.core import event
compiled = event.RecordingListener()
event.register("numba:compile", compiled)
import games
game = games.make(sys.argv[1])
state = game.after([0, 1])
game.text_to_state(game.state_to_text(state))
starts = sum(1 for _, e in compiled.buffer if e.is_start)
print(json.dumps({"legal": game.legal(state), "ply": int(state["ply"]), "compiled": starts,
                  "hash": game.source_hash}))
"""


def start_probe(spec: str, root: Path, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-W", "default", "-c", PROBE, spec],
        env={**os.environ, "MEIJIN_CACHE_DIR": str(root), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def result_of(process: subprocess.Popen) -> dict:
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return {**json.loads(output), "errors": errors}


def probe(spec: str, root: Path, **environment: str) -> dict:
    return result_of(start_probe(spec, root, **environment))


@pytest.fixture(scope="module")
def warm(tmp_path_factory) -> Path:
    """A cache in which a copied game has been compiled once."""
    root = tmp_path_factory.mktemp("cache")
    (root / "mine.py").write_bytes((FOLDER / "tic_tac_toe.py").read_bytes())
    assert probe(str(root / "mine.py"), root)["compiled"] > 0
    return root


def test_everything_compiled_is_kept_in_the_cache_folder(warm):
    kernels = {path.name.split("-")[0] for path in warm.glob("games/*/__pycache__/*.nbc")}
    assert {"mine.batched_step", "mine.batched_prove", "mine.has_line"} <= kernels
    assert any(warm.glob("kernels/**/authoring.mix-*.nbc"))


def test_a_second_process_compiles_nothing(warm):
    before = {path: path.stat().st_mtime_ns for path in warm.rglob("*.nb?")}
    assert probe(str(warm / "mine.py"), warm)["compiled"] == 0
    assert {path: path.stat().st_mtime_ns for path in warm.rglob("*.nb?")} == before


def test_an_edited_rule_takes_effect_in_the_next_process(warm):
    edited = warm / "mine.py"
    text = edited.read_text()
    original = probe(str(edited), warm)
    assert original["legal"] == [2, 3, 4, 5, 6, 7, 8] and original["compiled"] == 0
    # The edit is in a function that is inlined into kernels whose own source does not change, and
    # keeps the file's size and time, so nothing but its content can give it away.
    stamp = edited.stat()
    edited.write_text(text.replace("state.ply += 1", "state.ply += 2"))
    os.utime(edited, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    changed = probe(str(edited), warm)
    edited.write_text(text)
    assert original["ply"] == 2 and changed["ply"] == 4
    assert changed["compiled"] > 0 and changed["hash"] != original["hash"]


def test_an_edited_rule_takes_effect_in_the_same_process(tmp_path):
    mine = tmp_path / "mine.py"
    text = (FOLDER / "tic_tac_toe.py").read_text()
    mine.write_text(text)
    before = games.make(str(mine))
    mine.write_text(text.replace("state.ply += 1", "state.ply += 2"))
    after = games.make(str(mine))
    assert after is not before and after.source_hash != before.source_hash
    assert before.after([0, 1])["ply"] == 2 and after.after([0, 1])["ply"] == 4


def test_processes_may_start_at_the_same_moment(tmp_path):
    processes = [start_probe("tic_tac_toe", tmp_path) for _ in range(2)]
    legal = [result_of(process)["legal"] for process in processes]
    assert legal == [[2, 3, 4, 5, 6, 7, 8]] * 2
    assert not list(tmp_path.rglob("*.tmp"))
    assert probe("tic_tac_toe", tmp_path)["compiled"] == 0


def test_a_cache_that_cannot_be_written_is_replaced_with_one_warning(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    result = probe("tic_tac_toe", in_the_way / "cache", TMPDIR=str(tmp_path))
    assert result["legal"] == [2, 3, 4, 5, 6, 7, 8]
    assert result["errors"].count("RuntimeWarning: compiled code is kept in") == 1
    assert list(tmp_path.glob("meijin-cache-*/games/*/tic_tac_toe.py"))


def test_a_damaged_generated_file_is_written_anew(warm):
    for generated in warm.glob("games/*/mine.py"):
        whole = generated.read_text()
        generated.write_text(whole[: len(whole) // 2])
    assert probe(str(warm / "mine.py"), warm)["legal"] == [2, 3, 4, 5, 6, 7, 8]


def test_old_folders_are_removed_but_not_those_of_the_last_day(tmp_path):
    days = {name: 24 * 3600.0 * age for name, age in (("a", 5), ("b", 3), ("c", 0.1), ("d", 0))}
    for name, age in days.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "content").write_text("")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    compile_cache.prune(tmp_path, keep=3)
    assert {path.name for path in tmp_path.iterdir()} == {"b", "c", "d"}
    compile_cache.prune(tmp_path, keep=1)
    assert {path.name for path in tmp_path.iterdir()} == {"c", "d"}
