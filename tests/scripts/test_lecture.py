"""`meijin lecture`: every story in its short form, as a page and as a notebook, and wrong names."""

import subprocess
import sys

import pytest

from scripts.lectures.notebook import notebook_of
from scripts.lectures.registry import LECTURES, LectureError, import_lecture, names_of, run_lecture


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "scripts.cli", "lecture", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize("name", LECTURES)
def test_the_short_form_shows_what_it_claims(name, tmp_path):
    page = run_lecture(name, folder=tmp_path, quick=True, seed=0)
    assert not page.failed_claims
    text = (tmp_path / f"{name}.html").read_text(encoding="utf-8")
    assert "✓" in text
    kept = sorted(path.name for path in tmp_path.glob(f"{name}_*"))
    pictures = [each for each in kept if not each.endswith(".safetensors")]  # networks are no part
    assert pictures
    for picture in pictures:
        assert f'src="{picture}"' in text


@pytest.mark.parametrize("name", LECTURES)
def test_a_notebook_holds_the_whole_story(name):
    import nbformat

    notebook = notebook_of(name, import_lecture(name), quick=True, seed=0)
    nbformat.validate(notebook)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    compile(code, name, "exec")
    assert "page.text" not in code
    assert sum(cell.cell_type == "markdown" for cell in notebook.cells) > 1


def test_a_notebook_runs(tmp_path):
    nbclient = pytest.importorskip("nbclient")
    notebook = notebook_of("perceptron", import_lecture("perceptron"), quick=True, seed=0)
    nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert any("✓" in output.get("text", "") for output in outputs)


@pytest.mark.slow
@pytest.mark.parametrize("name", LECTURES)
def test_every_notebook_runs(name, tmp_path):
    nbclient = pytest.importorskip("nbclient")
    notebook = notebook_of(name, import_lecture(name), quick=True, seed=0)
    nbclient.NotebookClient(
        notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()


def test_the_list_names_all_and_a_wrong_name_the_nearest(tmp_path):
    listed = run()
    assert listed.returncode == 0
    assert all(name in listed.stdout for name in LECTURES)
    wrong = run("percptron", "--out", str(tmp_path))
    assert wrong.returncode != 0
    assert wrong.stderr.strip() == "meijin: no lecture 'percptron'; did you mean 'perceptron'?"
    assert names_of("all") == tuple(LECTURES)
    with pytest.raises(LectureError, match="there are perceptron"):
        names_of("zzz")


def test_a_folder_that_is_none_is_one_line(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    answer = run("perceptron", "--quick", "--out", str(blocked / "under"))
    assert answer.returncode != 0
    assert "cannot write" in answer.stderr
    assert "Traceback" not in answer.stderr
