"""The programs of docs/python.md run as they stand, and print what stands below them."""

import re
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "python.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def without_numbers(text: str) -> str:
    return re.sub(r"[+-]?\d[\d.,]*%?", "#", text)


def test_the_programs_run_and_print_what_the_page_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict = {"__name__": "page"}
    assert [language for language, _ in BLOCKS] == ["python", "text"] * 5
    for number in range(0, len(BLOCKS), 2):
        exec(compile(BLOCKS[number][1], f"{PAGE}, program {number // 2 + 1}", "exec"), names)
        printed, expected = capsys.readouterr().out, BLOCKS[number + 1][1]
        if number < 4:  # rules and search: the same on every machine
            assert printed == expected
        else:  # networks: their numbers depend on the processor
            assert without_numbers(printed) == without_numbers(expected)
    assert names["match"].total.score > 0.8
    assert names["score"].errors < 100, "it learned: random moves are errors in 1,912 positions"
