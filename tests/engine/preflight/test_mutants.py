"""Broken copies of the game that `meijin new` writes: each goes red on the right line."""

from dataclasses import dataclass

import pytest

from engine.preflight import limits, proof
from engine.preflight.proof import COMPILED, PLAIN, Finding, Proof
from scripts.new import TEMPLATE

GOOD = TEMPLATE.read_text()


@dataclass(frozen=True)
class Mutant:
    name: str
    changes: tuple[tuple[str, str], ...]
    red: str  # the first red line
    where: str
    got: str
    hint: str


def mutant(name, *changes, red, where, got, hint="", marks=()):
    case = Mutant(name, changes, red, where, got, hint)
    return pytest.param(case, id=name.replace(" ", "_"), marks=marks)


STEP_END = (
    "    if not can_move(state):\n        state.finished = True\n        state.returns[mover]"
)
MINE, THEIRS = (f"planes[{plane}, cell // WIDTH, cell % WIDTH]" for plane in (0, 1))
KEYS = "key = mix(np.uint64(1 + state.to_play))\n    for cell in range(CELLS)"
OBSERVES = (
    "    mine = FIRST + state.to_play\n    for cell in range(CELLS):\n"
    "        if state.board[cell] == mine:\n            planes"
)
FUZZ = "random games end, moves are legal"
LOADS = "the file runs, its facts fit"

PLAINLY_BROKEN = [
    mutant(
        "a rule raises",
        ("state.ply += 1", "state.ply += 1 + 0 // (4 - state.ply)"),
        red=FUZZ,
        where="in step: state.ply += 1 + 0",
        got="ZeroDivisionError",
    ),
    mutant(
        "a rule reads past an array",
        ("NEIGHBOUR[cell, action % 4]\n    state", "NEIGHBOUR[cell + 9, action % 4]\n    state"),
        red=FUZZ,
        where="in step: target = NEIGHBOUR[cell + 9",
        got="IndexError",
    ),
    mutant(
        "a rule names a field that is not there",
        ("    mover = state.to_play", "    mover = state.turn"),
        red=FUZZ,
        where="in step: mover = state.turn",
        got="no field 'turn'",
    ),
    mutant(
        "a field is too small for its number",
        ('    ("board", "i1", (CELLS,)),', '    ("board", "i1", (CELLS,)), ("score", "i1"),'),
        ("    state.ply += 1", "    state.ply += 1\n    state.score += 60"),
        red=FUZZ,
        where="in step: state.score += 60",
        got="OverflowError",
    ),
    mutant(
        "a game never ends",
        ("state.board[cell] = EMPTY", "state.board[cell] = 3 - state.board[target]"),
        red=FUZZ,
        where="step() in line",
        got="after 11 plies a game is still going on",
    ),
    mutant(
        "a rule never comes back",
        (STEP_END, "    while state.ply == 3:\n        target = cell\n" + STEP_END),
        red=FUZZ,
        where="in step: ",
        got="has not come back after 2 seconds",
    ),
    mutant(
        "the end is not noticed",
        (STEP_END, STEP_END.replace("not can_move(state)", "state.ply == 0")),
        red=FUZZ,
        where="legal_actions() in line",
        got="there is none, and state.finished is not set",
    ),
    mutant(
        "legal actions out of range",
        ("actions[count] = 4 * cell", "actions[count] = NUM_ACTIONS + 4 * cell"),
        red=FUZZ,
        where="legal_actions() in line",
        got="legal_actions() wrote [",
    ),
    mutant(
        "legal actions in descending order",
        (
            "count = 0\n    for cell in range(CELLS)",
            "count = 0\n    for cell in range(CELLS - 1, -1, -1)",
        ),
        red=FUZZ,
        where="legal_actions() in line",
        got="legal_actions() wrote [",
    ),
    mutant(
        "more legal actions than are allowed for",
        ("MAX_LEGAL = HEIGHT * (WIDTH - 1) + WIDTH * (HEIGHT - 1)", "MAX_LEGAL = 11"),
        red=FUZZ,
        where="in legal_actions: actions[count] =",
        got="IndexError",
    ),
    mutant(
        "state outside the record",
        ("NEIGHBOUR = neighbours()", "NEIGHBOUR = neighbours()\nMOVES = np.zeros(1, np.int64)"),
        ("    state.ply += 1", "    MOVES[0] += 1\n    state.ply += 1"),
        red="nothing is kept outside the record",
        where="in step: MOVES[0] += 1",
        got="MOVES was changed",
    ),
    mutant(
        "chance in a rule",
        ("state.board[cell] = EMPTY", "state.board[cell] = np.random.randint(2) * 3"),
        red="nothing is kept outside the record",
        where="step() in line",
        got="another key, board",
    ),
    mutant(
        "returns before the end",
        ("    state.ply += 1", "    state.ply += 1\n    state.returns[0] = 0.5"),
        red="results sum to zero, at the end alone",
        where="step() in line",
        got="while finished is not set",
    ),
    mutant(
        "returns that do not sum to zero",
        ("state.returns[1 - mover] = -1.0", "state.returns[1 - mover] = 0.0"),
        red="results sum to zero, at the end alone",
        where="step() in line",
        got="returns are [",
    ),
    mutant(
        "plies that are not counted",
        ("    state.ply += 1", "    state.ply += 2"),
        red="plies are counted",
        where="step() in line",
        got="it is 2",
    ),
    mutant(
        "an observation that changes the state",
        (OBSERVES, "    state.board[0] = EMPTY\n" + OBSERVES),
        red="reading changes nothing",
        where="observe() in line",
        got="it changed board",
    ),
    mutant(
        "a key that is forgotten",
        ("you say who moves next; it may be the same player again\n    write_key(state)", "\n"),
        red="keys tell positions apart",
        where="step() in line",
        got="has the same key",
    ),
    mutant(
        "a key that leaves a cell out",
        (KEYS, KEYS.replace("range(CELLS)", "range(WIDTH, CELLS)")),
        red="keys tell positions apart",
        where="step() in line",
        got="another board",
    ),
    mutant(
        "a key that remembers the way",
        (STEP_END, "    state.key ^= mix(np.uint64(900 + action))\n" + STEP_END),
        red="keys tell positions apart",
        where="step() in line",
        got="the key is 0x",
    ),
    mutant(
        "planes of large numbers",
        (f"{MINE} = 1", f"{MINE} = 9"),
        red="planes are small, none is always empty",
        where="observe() in line",
        got="plane 0 reaches 9",
    ),
    mutant(
        "a plane that is always empty",
        ("OBSERVATION_SHAPE = (2,", "OBSERVATION_SHAPE = (3,"),
        red="planes are small, none is always empty",
        where="observe() in line",
        got="plane 2 was empty",
    ),
    mutant(
        "planes that hide whose stone it is",
        (f"{THEIRS} = 1", f"{MINE} = planes[1, 0, 0] = 1"),
        red="planes tell positions apart",
        where="observe() in line",
        got="another board",
    ),
    mutant(
        "two moves of one name",
        ("+ cell_to_text(action // 4 + direction)", '+ "xx"'),
        red="moves as text read back",
        where="action_to_text() in line",
        got="names 2 of them",
    ),
    mutant(
        "moves read as others",
        ("return 4 * cell + direction", "return 4 * target + direction"),
        red="moves as text read back",
        where="text_to_action() in line",
        got="it is refused",
    ),
    mutant(
        "no move that is not refused as one",
        ("raise InvalidMoveError(f", "raise ValueError(f"),
        red="moves as text read back",
        where="text_to_action() in line",
        got="it raises ValueError",
    ),
    mutant(
        "a position read without its plies",
        ('    state["ply"] = ply\n', ""),
        red="positions as text read back",
        where="text_to_state() in line",
        got="ply 0 instead of",
    ),
    mutant(
        "a position read without its mover",
        ('    state["to_play"] = ply % 2\n', ""),
        red="positions as text read back",
        where="text_to_state() in line",
        got="it gives to_play 0 instead of 1",
    ),
    mutant(
        "a board drawn with owners of nothing",
        ("owners=owners,", "owners=((0,) * WIDTH,) * HEIGHT,"),
        red="the drawn board fits",
        where="board_view() in line",
        got="an empty cell has one",
    ),
    mutant(
        "a drawing that raises",
        ("row_labels=row_numbers(HEIGHT)", "row_labels=row_numbers(HEIGHT + state['missing'])"),
        red="positions as text read back",
        where="in board_view: row_labels=",
        got="missing",
    ),
    mutant(
        "a mirror that forgets the directions",
        ("(board[::-1], (DOWN, RIGHT, UP, LEFT))", "(board[::-1], (UP, RIGHT, DOWN, LEFT))"),
        red="symmetries hold in play",
        where="symmetries() in line",
        got="legal there are",
    ),
    mutant(
        "a mirror that exchanges the players",
        ("if (CHESSBOARD[shown] == CHESSBOARD).all():", "if True:"),
        red="symmetries hold in play",
        where="symmetries() in line",
        got="legal there are",
    ),
    mutant(
        "a table of symmetries that is none",
        ("cells.append(shown)", "cells.append(shown // 2)"),
        red=LOADS,
        where="symmetries() in line",
        got="repeats a number",
    ),
    mutant(
        "facts that do not fit",
        ("MAX_PLIES = CELLS - 1", "MAX_PLIES = 10**6"),
        red=LOADS,
        where="MAX_PLIES in line",
        got="it is 1000000",
    ),
    mutant(
        "a start position without a key",
        ("CHESSBOARD[cell]\n    write_key(state)", "CHESSBOARD[cell]"),
        red=LOADS,
        where="initial() in line",
        got="key 0",
    ),
    mutant(
        "a number that its field cannot hold",
        ("state.board[cell] = CHESSBOARD", "state.board[cell] = 1000 + CHESSBOARD"),
        red=LOADS,
        where="in initial: state.board[cell] = 1000",
        got="OverflowError",
        hint="the type of the array",
    ),
    mutant(
        "a line outside functions that raises",
        ("NEIGHBOUR = neighbours()", "NEIGHBOUR = neighbours()[CELLS]"),
        red=LOADS,
        where="broken.py",
        got="NEIGHBOUR = neighbours()[CELLS]",
    ),
]  # fmt: skip

BROKEN_WHEN_COMPILED = [
    mutant(
        "a rule that is not marked",
        ("@rule\ndef observe", "def observe"),
        red="compiles",
        where="broken.py",
        got="'observe'",
        hint="write @rule above observe()",
    ),
    mutant(
        "a key that becomes signed",
        ("    state.key = key", "    state.key = (key + cell) >> ONE"),
        ("NEIGHBOUR = neighbours()", "NEIGHBOUR = neighbours()\nONE = np.uint64(1)"),
        red="plays as in plain Python",
        where="step() in line",
        got="field key is",
    ),
    mutant(
        "a rule that cannot be compiled",
        ("target = NEIGHBOUR[cell, action", "target = neighbours()[cell, action"),
        red="compiles",
        where="broken.py",
        got="does not compile",
        marks=pytest.mark.slow,
    ),
    mutant(
        "a shortcut that lies",
        ("# --- For people", "@rule\ndef settled_in_two(state):\n    return 1\n\n\n#"),
        red="looking ahead agrees with brute force",
        where="settled_in_two() in line",
        got="prove() says WIN",
        marks=pytest.mark.slow,
    ),
    mutant(
        "the second player never wins",
        ("state.returns[mover] = 1.0", "state.returns[0] = 1.0"),
        ("state.returns[1 - mover] = -1.0", "state.returns[1] = -1.0"),
        ('["returns"][last], state["returns"][1 - last]', '["returns"][0], state["returns"][1]'),
        red="random play ends, both sides win",
        where="step() in line",
        got="player 1 won none",
        marks=pytest.mark.slow,
    ),
]  # fmt: skip


def first_red(path, parts) -> Finding | None:
    """The first red line of the proof, or None; small boards, since every law holds there too."""
    for said in Proof(f"{path}(width=4,height=3)").run(parts):
        if isinstance(said, Finding) and not said.green:
            return said
    return None


def broken_copy(tmp_path, case):
    text = GOOD
    for old, new in case.changes:
        assert text.count(old) == 1, f"{case.name}: {old!r} stands {text.count(old)} times"
        text = text.replace(old, new)
    path = tmp_path / "broken.py"
    path.write_text(text)
    return path


def check(finding, case):
    assert finding is not None, "everything stayed green"
    assert (finding.name, case.got in finding.fault.got) == (case.red, True), finding.fault
    assert case.where in finding.fault.where, finding.fault
    assert case.hint in finding.fault.hint and finding.fault.hint and finding.fault.expected
    assert len(finding.fault.got.splitlines()) == 1


@pytest.mark.parametrize("case", PLAINLY_BROKEN)
def test_a_game_that_breaks_a_law_goes_red_where_it_does(tmp_path, case, monkeypatch):
    if case.got.startswith("has not come back"):  # nothing else is short of time
        shares = iter((10.0, 1 / 15))  # of the step that loads the game, and of the next: 2 s
        monkeypatch.setattr(proof, "at_most", lambda limit: limits.at_most(limit * next(shares)))
    check(first_red(broken_copy(tmp_path, case), (PLAIN,)), case)


@pytest.mark.parametrize("case", BROKEN_WHEN_COMPILED)
def test_a_game_that_breaks_a_law_only_when_compiled_goes_red_too(tmp_path, case):
    check(first_red(broken_copy(tmp_path, case), (PLAIN, COMPILED)), case)


def test_a_red_line_shows_the_position_and_the_moves_that_lead_to_it(tmp_path):
    case = next(each.values[0] for each in PLAINLY_BROKEN if "sum to zero" in each.values[0].name)
    fault = first_red(broken_copy(tmp_path, case), (PLAIN,)).fault
    rows = [line.split()[1:] for line in fault.position.splitlines()[:3]]
    stones = sum(cell != "." for row in rows for cell in row)
    assert 12 - stones == len(fault.moves.split())
    assert not fault.position.endswith("to move")
