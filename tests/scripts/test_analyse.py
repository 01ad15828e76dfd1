"""`meijin analyse` as another program meets it, and the examples of docs/analyse.md as written."""

import json
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parent.parent.parent / "docs" / "analyse.md"
COMMAND = [sys.executable, "-m", "scripts.cli", "analyse"]


def run(arguments, text):
    return subprocess.run(
        [*COMMAND, *arguments], input=text, capture_output=True, text=True, timeout=300
    )


def examples():
    text = PAGE.read_text(encoding="utf-8").partition("## As Python")[0]
    return [block for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]


def test_the_examples_of_the_page_are_answered_as_it_says():
    """Numbers apart, which depend on the processor: the fields are those of the page."""
    lines = [line for block in examples() for line in block.splitlines()]
    questions = [line.removeprefix("> ") for line in lines if line.startswith("> ")]
    printed = [json.loads(line) for line in lines if not line.startswith("> ")]
    assert len(questions) >= 6
    done = run(["shipped"], "\n".join(questions) + "\n")
    assert done.returncode == 0 and done.stderr == ""
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    for shown in printed:
        assert any(is_like(shown, answer) for answer in answers), (shown, answers)


def is_like(shown, answer):
    """The same fields; texts are equal where they are no moves, lists may be cut."""
    if isinstance(shown, dict):
        return (
            isinstance(answer, dict)
            and list(shown) == list(answer)
            and all(is_like(shown[key], answer[key]) for key in shown if key not in ("pv", "move"))
        )
    if isinstance(shown, list):
        return isinstance(answer, list) and all(map(is_like, shown, answer))
    if isinstance(shown, bool | str):
        return shown == answer
    return type(shown) is type(answer) or isinstance(answer, int | float)


def test_the_python_example_of_the_page_runs():
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    program = program.replace('"meijin"', f'"{sys.executable}", "-m", "scripts.cli"')
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 5


def test_what_is_asked_before_the_end_is_answered_and_bad_lines_do_no_harm():
    text = (
        '{"id": "a", "moves": [], "maxVisits": 300}\n\nnonsense\n'
        '{"id": "b", "moves": ["a1"], "analyzeTurns": [0, 1]}'  # and no end of line
    )
    done = run(["mcts:20", "--game", "tic_tac_toe"], text)
    assert done.returncode == 0 and done.stderr == ""
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(each.get("id", "") for each in answers) == ["", "a", "b", "b"]


def test_nobody_reads_the_answers():
    process = subprocess.Popen(
        [*COMMAND, "mcts:5", "--game", "tic_tac_toe"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    process.stdin.write(b'{"id": "a", "moves": []}\n' * 50)
    process.stdin.close()
    assert process.wait(300) == 1
    assert process.stderr.read() == b""


def test_agents_that_do_not_search_are_refused():
    done = run(["random", "--game", "tic_tac_toe"], "")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "searches a tree" in done.stderr
