"""Files for results are refused before the work."""

import os
from pathlib import Path

import pytest

from agents.agent import AgentError
from scripts.result_files import check_folders


def test_a_place_without_permission_is_refused_before_the_work(tmp_path, monkeypatch):
    locked, kept = tmp_path / "locked", tmp_path / "kept.json"
    locked.mkdir()
    kept.touch()
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) not in {locked, kept})
    check_folders(None, Path("-"), tmp_path / "new.json")
    for file in (locked / "new.json", kept):
        with pytest.raises(AgentError, match=r"json cannot be written: no permission"):
            check_folders(file)


def test_standard_output_needs_no_folder(monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    check_folders(Path("-"))
