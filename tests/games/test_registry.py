"""Names, parameters, and files of one's own."""

from pathlib import Path

import pytest

import games
from games.registry import parameters_of

CONNECT_FOUR = Path(games.__file__).with_name("connect_four.py")


@pytest.mark.parametrize(
    ("spec", "canonical"),
    [
        ("connect_four", "connect_four"),
        ("connect_four()", "connect_four"),
        (" connect_four ( width = 7 ) ", "connect_four"),
        ("connect_four(height=4,width=4)", "connect_four(width=4,height=4)"),
        ("othello4", "othello(size=4)"),
        ("othello8", "othello"),
        ("hex3(swap=0)", "hex(size=3,swap=0)"),
    ],
)
def test_the_id_shows_what_differs_from_the_default_in_declared_order(spec, canonical):
    game = games.make(spec)
    assert game.id == canonical
    assert games.make(canonical) is game


def test_parameters_reach_everything_that_is_built_from_them():
    game = games.make("connect_four(width=8,height=7)")
    assert game.parameters == {"width": 8, "height": 7, "length": 4}
    assert game.observation_shape == (3, 7, 8) and game.num_actions == 8 and game.max_plies == 56
    assert games.make("connect_four").observation_shape == (3, 6, 7)
    assert game.source_hash != games.make("connect_four").source_hash


def test_parameters_can_be_listed_with_their_ranges():
    width = parameters_of("connect_four")["width"]
    assert (width.low, width.high, width.default, width.meaning) == (
        3,
        12,
        7,
        "columns of the board",
    )


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("conect_four", "did you mean 'connect_four'"),
        ("draughts", "known: tic_tac_toe, connect_four"),
        ("go99", r"size \(rows and columns of the board\) is 2 to 19, not 99"),
        ("go9(size=9)", "'size' is given twice"),
        ("chess9", "no game 'chess9'; did you mean 'chess'"),
        ("", "no game ''"),
        ("nosuch", "no game 'nosuch'; known: tic_tac_toe"),
        ("connect_four(", "cannot read"),
        ("connect_four)(", "cannot read"),
        ("connect_four(widht=5)", "did you mean 'width'"),
        ("tic_tac_toe(size=4)", "no parameter 'size'; known: none"),
        ("connect_four(width=99)", r"width \(columns of the board\) is 3 to 12, not 99"),
        ("connect_four(width=-1)", "not -1"),
        ("connect_four(width)", "parameter=value"),
        ("connect_four(width=4.5)", "is 3 to 12, not 4.5"),
        ("connect_four(width=5,width=6)", "given twice"),
        ("connect_four(width=12,height=12)", "needs .* <= 64 bits"),
        ("connect_four(width=3,height=3)", "no line of 4 fits"),
        ("no/such/file.py", "there is no file"),
    ],
)
def test_bad_specs_are_refused_in_one_line(spec, message):
    with pytest.raises(games.GameError, match=message) as caught:
        games.make(spec)
    assert len(str(caught.value).splitlines()) == 1


def test_parameters_may_be_numbers_and_words(tmp_path):
    mine = tmp_path / "mine.py"
    text = Path(games.__file__).with_name("tic_tac_toe.py").read_text()
    mine.write_text(
        text.replace(
            "PARAMETERS: dict[str, tuple[int, int, str]] = {}",
            'KOMI = 0.5\nRULE = "plain"\nPARAMETERS = {"KOMI": (-9, 9, "points"), '
            '"RULE": (("plain", "fancy"), "which rule")}',
        )
        + "\nMAX_LEGAL = 9 if RULE == 'plain' else 10 + int(KOMI)\n"
    )
    assert games.make(f"{mine}(komi=0.5, rule=plain)").id == mine.as_posix()
    game = games.make(f"{mine}(rule=fancy, komi=2)")
    assert game.id == f"{mine.as_posix()}(komi=2,rule=fancy)"
    assert game.parameters == {"komi": 2.0, "rule": "fancy"} and game.max_legal == 12
    ids = [games.make(f"{mine}(komi={komi})").id for komi in ("2.1234567", "2.12346")]
    assert ids == [f"{mine.as_posix()}(komi=2.1234567)", f"{mine.as_posix()}(komi=2.12346)"]
    with pytest.raises(games.GameError, match=r"rule \(which rule\) is plain, fancy, not odd"):
        games.make(f"{mine}(rule=odd)")
    with pytest.raises(games.GameError, match=r"komi \(points\) is -9 to 9, not ten"):
        games.make(f"{mine}(komi=ten)")


def test_a_file_of_ones_own_is_a_game(tmp_path):
    mine = tmp_path / "my_four.py"
    mine.write_bytes(CONNECT_FOUR.read_bytes())
    game = games.make(f"{mine}(width=5)")
    assert game.id == f"{mine.as_posix()}(width=5)" and game.num_actions == 5
    assert games.make(game.id) is game


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("def observe(", "def look(", r"lacks observe\(\)"),
        ("MAX_PLIES = ", "MOST_PLIES = ", "lacks MAX_PLIES"),
        ("WIDTH = 7", "WIDTH = 7 +", r"broken.py, line \d+: invalid syntax"),
        ("WIDTH = 7", "WIDTH = 3 + 4", "a line NAME = default for each"),
        ("mover = state.to_play", "mover = state.nobody", "does not compile: KeyError: 'nobody'"),
        ("bottom = ONE <<", "bottom = ONE + nothing <<", "does not compile: .*nothing"),
        ("+ bottom) &", "+ bottom * 1.5) &", r"float64.* in line \d+: stone = \(taken"),
    ],
)
def test_a_file_that_is_no_game_is_refused_in_one_line_that_says_why(tmp_path, old, new, message):
    text = CONNECT_FOUR.read_text()
    assert old in text
    mine = tmp_path / "broken.py"
    mine.write_text(text.replace(old, new))
    with pytest.raises(games.GameError, match=message) as caught:
        games.make(str(mine))
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(games.GameError, match=message):
        games.make(str(mine))  # and again: the first failure leaves nothing behind


def test_what_a_game_may_leave_out_has_a_default(tmp_path):
    text = CONNECT_FOUR.read_text()
    mine = tmp_path / "plain.py"
    for name in ("symmetries", "cell_of_action", "settled_in_two"):
        text = text.replace(f"def {name}(", f"def unused_{name}(")
    mine.write_text(text)
    game = games.make(str(mine))
    assert game.symmetries.count == 1 and game.cell_of_action(0) is None
    assert game.max_legal == 7 and game.observation_scales.tolist() == [1, 1, 1]
