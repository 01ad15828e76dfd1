"""Programs named with another protocol than the one they speak: told at once, and what would do."""

import shutil
import sys

import pytest

from agents.agent import AgentError
from agents.factory import make_agent
from games import make

NEVER_ENDS = "import sys; sys.stdout.write({text!r}); sys.stdout.flush(); sys.stdin.read()"
ANSWERS = "import sys; [print({text!r} % line.strip(), flush=True) for line in sys.stdin]"


def path_of(name):
    found = shutil.which(name) or shutil.which(name, path="/usr/games")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def refusal(text, game):
    """How an agent that no game can be played with is refused."""
    game = make(game)
    agent = make_agent(text, game=game)
    try:
        with pytest.raises(AgentError) as error:
            agent.choose_after(game.rules.initial(1), [[]])
    finally:
        agent.close()
    said = str(error.value)
    assert "\n" not in said and said.startswith(text), said
    return said


def refusal_of(protocol, code, tmp_path, game):
    path = tmp_path / "program.py"
    path.write_text(code)
    return refusal(f"{protocol}:{sys.executable} {path}", game)


@pytest.mark.parametrize(
    ("protocol", "code", "words"),
    [
        ("gtp", NEVER_ENDS.format(text="\1\xcd\xa0\x80"), "gtp:gnugo --mode gtp"),
        ("gtp", NEVER_ENDS.format(text="White (1) : "), "it writes 'White (1) :'"),
        ("gtp", ANSWERS.format(text="Unknown command: '%s'."), "uci:COMMAND or usi:COMMAND"),
        ("uci", ANSWERS.format(text="? unknown command %.0s\n"), "name it gtp:"),
        ("uci", ANSWERS.format(text="Invalid move: %s"), "does not speak UCI"),
        ("usi", ANSWERS.format(text="Unknown command: '%s'."), "does not speak USI"),
        ("uci", NEVER_ENDS.format(text="\1\xcd\xa0\x80"), "does not speak UCI"),
    ],
)
def test_a_program_of_another_protocol_is_refused_at_its_first_words(
    protocol, code, words, tmp_path
):
    game = {"gtp": "tic_tac_toe", "uci": "minichess", "usi": "minishogi"}[protocol]
    assert words in refusal_of(protocol, code, tmp_path, game)


@pytest.mark.parametrize(
    ("protocol", "name", "options", "game", "words"),
    [
        ("gtp", "gnugo", "", "go(size=9)", "gtp:gnugo --mode gtp"),
        ("gtp", "stockfish", "", "chess", "uci:COMMAND"),
        ("uci", "gnugo", " --mode gtp", "chess", "name it gtp:"),
        ("uci", "gnugo", "", "chess", "does not speak UCI"),
        ("uci", "gnuchess", "", "chess", "uci:gnuchess --uci"),
        ("gtp", "gnuchess", "", "chess", "it writes 'GNU Chess"),
        ("usi", "stockfish", "", "shogi", "does not speak USI"),
    ],
)
def test_real_programs_too(protocol, name, options, game, words):
    assert words in refusal(f"{protocol}:{path_of(name)}{options}", game)
