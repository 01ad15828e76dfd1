"""The examples of docs/interop.md run as they are written, one after the other."""

import re
from pathlib import Path

import pytest

import games

pytest.importorskip("pygame", reason="PettingZoo's classic environments need pettingzoo[classic]")

PAGE = Path(__file__).parent.parent.parent / "docs" / "interop.md"


def blocks(language: str) -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    return [
        code
        for word, code in re.findall(r"```(\w*)\n(.*?)```", text, re.DOTALL)
        if word == language
    ]


@pytest.mark.filterwarnings("ignore:The old environment creation API:DeprecationWarning")
def test_the_examples_run():
    names: dict = {}
    assert len(blocks("python")) == 6
    for block in blocks("python"):
        exec(compile(block, str(PAGE), "exec"), names)
    assert names["game"].id == "pettingzoo:pettingzoo.classic.tictactoe.tictactoe.env"


def test_the_commands_name_games():
    commands = [line for block in blocks("") for line in block.splitlines()]
    assert len(commands) == 2
    for command in commands:
        _, verb, game = command.split()
        assert verb in ("train", "play") and games.make(game).id == game
