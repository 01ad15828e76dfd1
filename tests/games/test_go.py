"""Go against its written rules, other programs, published counts and drawn positions."""

import itertools
import re
import shutil
import subprocess

import numpy as np
import pytest

import games
from games.game import IllegalMoveError, InvalidMoveError, InvalidPositionError

# Legal positions by board size: Tromp and Farneback 2007, "Combinatorics of Go"; OEIS A094777.
LEGAL_POSITIONS = {2: 57, 3: 12675}

# Compiling one takes seconds, so all tests share these few.
NINE = "go"
TWO = "go(size=2,komi=0.5)"
THREE = "go(size=3,komi=2,superko=simple,suicide=1)"
FIVE = "go(size=5,superko=situational,suicide=1)"


class NaiveGo:
    """The rules as they are written: boards as tuples, and a list of all earlier ones."""

    def __init__(self, size, superko, suicide):
        self.size, self.superko, self.suicide = size, superko, suicide
        self.board = (-1,) * size**2
        self.to_play = self.passes = 0
        self.past = [(self.board, 0)]  # boards, and who was to move

    def beside(self, cell):
        row, column = divmod(cell, self.size)
        for r, c in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            if 0 <= r < self.size and 0 <= c < self.size:
                yield r * self.size + c

    def region(self, board, cell):
        """Cells of one content that hang together, and what lies beside them."""
        found, around, todo = {cell}, set(), [cell]
        while todo:
            for near in self.beside(todo.pop()):
                if board[near] != board[cell]:
                    around.add(board[near])
                elif near not in found:
                    found.add(near)
                    todo.append(near)
        return found, around

    def after(self, cell):
        """The board after a stone on an empty cell; None for a suicide that is not allowed."""
        board = list(self.board)
        board[cell] = self.to_play
        for near in [*self.beside(cell), cell]:
            if board[near] == 1 - self.to_play or near == cell:
                stones, around = self.region(board, near)
                if -1 not in around:
                    if near == cell and not self.suicide:
                        return None
                    for stone in stones:
                        board[stone] = -1
        return tuple(board)

    def allowed(self, board):
        if self.superko == "positional":
            return board not in [earlier for earlier, _ in self.past]
        if self.superko == "situational":
            return (board, 1 - self.to_play) not in self.past
        return len(self.past) < 2 or board != self.past[-2][0]

    def legal(self):
        empty = [cell for cell in range(self.size**2) if self.board[cell] == -1]
        boards = {cell: self.after(cell) for cell in empty}
        return [c for c, b in boards.items() if b is not None and self.allowed(b)] + [self.size**2]

    def play(self, action):
        if action == self.size**2:
            self.passes += 1
        else:
            self.board, self.passes = self.after(action), 0
        self.to_play = 1 - self.to_play
        self.past.append((self.board, self.to_play))

    def owners(self):
        owners = []
        for cell in range(self.size**2):
            colour = self.board[cell]
            if colour == -1:
                _, around = self.region(self.board, cell)
                colour = around.pop() if len(around) == 1 else -1
            owners.append((0, 1, -1)[colour + 1])
        return owners


def play_beside_naive(spec: str, count: int) -> None:
    game = games.make(spec)
    size, komi, superko, suicide = game.parameters.values()
    rng = np.random.default_rng(size)
    for _ in range(count):
        states = game.rules.initial(1)
        naive = NaiveGo(size, superko, suicide)
        while naive.passes < 2 and len(naive.past) <= game.max_plies:
            assert not states[0]["finished"]
            legal = naive.legal()
            assert game.legal(states[0]) == legal, game.state_to_text(states[0])
            assert sum(game.board_view(states[0]).owners, ()) == naive.board
            # Mostly no pass, so that boards fill up and stones come and go.
            choices = legal if rng.random() < 0.1 or len(legal) == 1 else legal[:-1]
            action = int(rng.choice(choices))
            naive.play(action)
            game.rules.step(states, np.array([action], np.int32))
        assert states[0]["finished"]
        owners, leads = score(game, states)
        assert owners[0].ravel().tolist() == naive.owners()
        assert leads[0] == sum(naive.owners()) - komi
        assert states[0]["returns"].tolist() == [np.sign(leads[0]), -np.sign(leads[0])]


def score(game: games.Game, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    owners = np.full((len(states), *game.observation_shape[1:]), 77, np.int8)
    leads = np.empty(len(states), np.float32)
    game.rules.final_ownership(states, owners, leads)
    return owners, leads


@pytest.mark.parametrize(("spec", "count"), [(TWO, 100), (THREE, 40), (FIVE, 12), (NINE, 4)])
def test_games_run_as_the_rules_are_written(spec, count):
    play_beside_naive(spec, count)


@pytest.mark.slow
@pytest.mark.parametrize("superko", ["positional", "situational", "simple"])
@pytest.mark.parametrize("suicide", [0, 1])
@pytest.mark.parametrize(("size", "count"), [(2, 2000), (3, 1000), (4, 400), (7, 40), (11, 5)])
def test_many_games_run_as_the_rules_are_written(size, superko, suicide, count):
    play_beside_naive(f"go(size={size},komi=0.5,superko={superko},suicide={suicide})", count)


@pytest.mark.parametrize("spec", [TWO, THREE])
def test_as_many_positions_are_legal_as_published(spec):
    game = games.make(spec)
    size = game.observation_shape[1]
    legal = 0
    for cells in itertools.product(".XO", repeat=size**2):
        text = "".join(cells)
        try:
            game.text_to_state(
                "\n".join(text[i : i + size] for i in range(0, len(text), size)) + "\n"
            )
            legal += 1
        except InvalidPositionError as error:
            assert "no liberty" in str(error)
    assert legal == LEGAL_POSITIONS[size]


def play_beside_openspiel(count: int) -> None:
    """Compare legal moves, boards and results with a program that knows no superko.

    It forbids what simple ko forbids, ends a game as a draw where a position repeats (which ours
    does not let happen), and ends it after 162 plies.
    """
    pyspiel = pytest.importorskip("pyspiel", reason="open-spiel is not installed")
    game = games.make(NINE)
    their_game = pyspiel.load_game("go(board_size=9,komi=7.5)")
    from_their = {row * 9 + c: (8 - row) * 9 + c for row in range(9) for c in range(9)} | {81: 81}
    to_their = {ours: theirs for theirs, ours in from_their.items()}
    rng = np.random.default_rng(13)
    for _ in range(count):
        theirs = their_game.new_initial_state()
        states = game.rules.initial(1)
        while not theirs.is_terminal():
            assert not states[0]["finished"]
            assert states[0]["to_play"] == theirs.current_player()
            mine = game.legal(states[0])
            allowed = {from_their[action] for action in theirs.legal_actions()}
            text = game.state_to_text(states[0])
            ko = text.partition(", ko ")[2].split()
            forbidden = {action_of(game, move) for move in ko}
            assert set(mine) <= allowed and allowed - set(mine) <= forbidden, text
            drawn = re.findall(r"^ *\d+ ([+XO]{9})$", str(theirs), re.MULTILINE)
            view = game.board_view(states[0]).owners
            assert drawn == ["".join("+XO"[owner + 1] for owner in row) for row in view]
            choices = mine if rng.random() < 0.05 or len(mine) == 1 else mine[:-1]
            action = int(rng.choice(choices))
            theirs.apply_action(to_their[action])
            game.rules.step(states, np.array([action], np.int32))
        assert bool(states[0]["finished"]) == (states[0]["passes"] == 2)
        assert np.sign(score(game, states)[1][0]) == theirs.returns()[0]


def action_of(game: games.Game, move: str) -> int:
    size = game.observation_shape[1]
    return (size - int(move[1:])) * size + "abcdefghjklmnopqrst".index(move[0])


def test_games_run_move_by_move_as_in_openspiel():
    play_beside_openspiel(1000)


@pytest.mark.slow
def test_ten_thousand_games_run_move_by_move_as_in_openspiel():
    play_beside_openspiel(10_000)


class GnuGo:
    """GNU Go as a referee."""

    def __init__(self, size, *options):
        program = shutil.which("gnugo", path="/usr/games:/usr/local/bin:/usr/bin:/opt/homebrew/bin")
        if program is None:
            pytest.skip("gnugo is not installed")
        self.process = subprocess.Popen(
            [program, "--mode", "gtp", "--chinese-rules", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ask(f"boardsize {size}")

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        while (line := self.process.stdout.readline()).strip():
            answer += line
        assert answer.startswith("="), (command, answer)
        return answer[1:].split()


@pytest.mark.parametrize(("spec", "count"), [(TWO, 30), (NINE, 2)])
def test_gnu_go_forbids_the_same_moves_by_positional_superko(spec, count):
    game = games.make(spec)
    referee = GnuGo(game.observation_shape[1], "--positional-superko", "--forbid-suicide")
    rng = np.random.default_rng(17)
    try:
        for _ in range(count):
            referee.ask("clear_board")
            states = game.rules.initial(1)
            while not states[0]["finished"]:
                legal = game.legal(states[0])
                colour = game.board_view(states[0]).player_names[states[0]["to_play"]]
                theirs = referee.ask(f"all_legal {colour}")
                stones = [game.text_to_action(states[0], m) for m in theirs if m != "PASS"]
                assert sorted(stones) == legal[:-1], game.state_to_text(states[0])
                choices = legal if rng.random() < 0.1 or len(legal) == 1 else legal[:-1]
                action = int(rng.choice(choices))
                referee.ask(f"play {colour} {game.action_to_text(states[0], action)}")
                game.rules.step(states, np.array([action], np.int32))
    finally:
        referee.process.kill()
        referee.process.communicate()


def position(game: games.Game, corner: str, status: str) -> np.ndarray:
    """One position [1]: a drawing of the lower left corner, the rest of the board empty."""
    size = game.observation_shape[1]
    rows = [line.replace(" ", "").ljust(size, ".") for line in corner.split("/")]
    rows = ["." * size] * (size - len(rows)) + rows
    return np.array([game.text_to_state("\n".join([*rows, status]))])


def play(game: games.Game, states: np.ndarray, moves: str) -> None:
    for move in moves.split():
        action = game.text_to_action(states[0], move)
        game.rules.step(states, np.array([action], np.int32))


def may_play(game: games.Game, states: np.ndarray, move: str) -> bool:
    return action_of(game, move) in game.legal(states[0])


@pytest.mark.parametrize("spec", [NINE, FIVE])
def test_a_ko_is_not_taken_back_at_once(spec):
    game = games.make(spec)
    states = position(game, ". X O . / X O . O / . X O .", "Black to move")
    play(game, states, "c2")
    assert game.board_view(states[0]).owners[-2][1] == -1  # b2 is taken
    assert not may_play(game, states, "b2")
    assert game.state_to_text(states[0]).endswith("plies, ko b2")
    with pytest.raises(IllegalMoveError):
        game.text_to_action(states[0], "b2")
    play(game, states, "e5 e4")
    assert may_play(game, states, "b2")


def test_a_move_that_cannot_be_played_is_told_in_a_short_line():
    game = games.make(NINE)
    state = game.after([game.text_to_action(game.rules.initial(1)[0], "e5")])
    with pytest.raises(IllegalMoveError) as caught:
        game.text_to_action(state, "e5")
    assert str(caught.value) == "'e5' cannot be played in go after 1 ply; legal: 81 other moves"


def test_superko_forbids_to_send_two_and_return_one_simple_ko_does_not():
    for spec, forbidden in ((NINE, True), (FIVE, False)):
        game = games.make(spec)
        states = position(game, "X X O . / . O . O", "White to move")
        play(game, states, "a1 c1")
        assert game.board_view(states[0]).owners[-1][:4] == (-1, -1, 0, 1)
        assert may_play(game, states, "b1") != forbidden
    # Situations differ in who is to move; the next round brings back a situation, and ends it.
    play(game, states, "b1 pass")
    assert not may_play(game, states, "a1")


def test_a_quiet_move_can_repeat_a_position_too():
    game = games.make(TWO)
    states = game.rules.initial(1)
    naive = NaiveGo(2, "positional", 0)
    rng = np.random.default_rng(1)
    quiet = 0
    while quiet < 5:
        if states[0]["finished"]:
            states, naive = game.rules.initial(1), NaiveGo(2, "positional", 0)
        for cell in range(4):
            if naive.board[cell] == -1 and (after := naive.after(cell)) is not None:
                if sum(a != b for a, b in zip(after, naive.board, strict=True)) == 1:
                    repeats = not naive.allowed(after)
                    assert (cell in game.legal(states[0])) != repeats
                    quiet += repeats
        action = int(rng.choice(game.legal(states[0])))
        naive.play(action)
        game.rules.step(states, np.array([action], np.int32))


def test_a_snapback_takes_back_more_than_was_taken():
    game = games.make(NINE)
    states = position(game, "O O O O O . / O X X X O . / O X . . X O", "White to move")
    play(game, states, "c1 d1 c1")  # a stone thrown in, taken, and eight taken in return
    lines = game.state_to_text(states[0]).splitlines()
    assert lines[6:9] == [
        "3 O O O O O . . . .",
        "2 O . . . O . . . .",
        "1 O . O . . O . . .",
    ]


def test_suicide_is_closed_unless_it_is_allowed():
    closed, opened = games.make(NINE), games.make(FIVE)
    corner = "O . / X O / . O"
    for game in (closed, opened):
        states = position(game, corner, "Black to move")
        assert may_play(game, states, "a1") == (game is opened)
    play(opened, states, "a1")  # takes two black stones off
    lines = opened.state_to_text(states[0]).splitlines()
    assert lines[2:5] == ["3 O . . . .", "2 . O . . .", "1 . O . . ."]


def test_the_area_of_a_seki_is_shared_and_dead_stones_are_alive():
    game = games.make(FIVE)
    states = position(game, "XXXXX/OOOX./O.OXX/.XOO./XXXO.", "Black to move")
    owners, leads = score(game, states)
    assert owners[0].tolist() == [
        [1, 1, 1, 1, 1],
        [-1, -1, -1, 1, 1],
        [-1, 0, -1, 1, 1],
        [0, 1, -1, -1, 0],
        [1, 1, 1, -1, 0],
    ]
    assert leads[0] == owners[0].sum() - 7.5
    play(game, states, "pass pass")
    assert states[0]["finished"] and states[0]["returns"].tolist() == [-1, 1]
    assert game.state_to_text(states[0]).splitlines()[-1].startswith("White won by ")


@pytest.mark.parametrize(
    ("spec", "outcome"), [(TWO, 1), pytest.param("go(size=2,komi=1.5)", -1, marks=pytest.mark.slow)]
)
def test_black_wins_the_smallest_board_by_one_point(spec, outcome):
    game = games.make(spec)
    outcomes = np.empty(1, np.int8)
    game.rules.prove(game.rules.initial(1), 14, outcomes)
    assert outcomes[0] == outcome


def test_games_without_areas_say_so():
    game = games.make("tic_tac_toe")
    assert not game.rules.has_ownership and games.make(NINE).rules.has_ownership
    with pytest.raises(games.GameError, match="no point"):
        score(game, game.rules.initial(1))


def test_planes_show_stones_liberties_ko_pass_and_colour():
    game = games.make(FIVE)
    states = position(game, "O.... / .XO.. / XO.O. / .XO..", "Black to move")
    play(game, states, "c2")
    planes = np.empty((1, *game.observation_shape), np.uint8)
    game.rules.observe(states, planes)
    pictures = ["/".join("".join(map(str, row)) for row in plane) for plane in planes[0].tolist()]
    assert pictures == [
        "00000/10000/00100/00010/00100",  # White's
        "00000/00000/00000/00000/00100",  # ... with one liberty: c1 has d1 alone
        "00000/00000/00100/00000/00000",  # ... with two: c3
        "00000/00000/01000/10100/01000",  # Black's
        "00000/00000/00000/00100/00000",  # ... with one: c2 has b2
        "00000/00000/00000/00000/01000",  # ... with two: b1
        "11111/01111/10011/01001/10011",  # empty
        "00000/00000/00000/01000/00000",  # ko
        "00000/00000/00000/00000/00000",
        "11111/11111/11111/11111/11111",  # White is to move
    ]
    play(game, states, "pass")
    game.rules.observe(states, planes)
    assert (planes[0, 8] == 1).all() and not planes[0, 9].any() and not planes[0, 7].any()


def test_a_position_is_drawn_with_letters_without_i():
    game = games.make(NINE)
    states = game.rules.initial(1)
    play(game, states, "j9 A1 pass")
    lines = game.state_to_text(states[0]).splitlines()
    assert lines[0] == "9 . . . . . . . . X" and lines[8] == "1 O . . . . . . . ."
    assert lines[9:] == ["  a b c d e f g h j", "White to move after 3 plies, 1 pass"]


@pytest.mark.parametrize("text", ["i5", "k1", "a0", "a10", "5e", "resign"])
def test_moves_that_are_none_are_refused(text):
    game = games.make(NINE)
    with pytest.raises(InvalidMoveError, match="moves are a1 to j9 and pass"):
        game.text_to_action(game.rules.initial(1)[0], text)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("XO/O.", "the black stones at a2 have no liberty"),
        ("X./..\nBlack to move after 3 plies", "after 3 plies White is to move, not Black"),
        (
            "XX/..\nBlack to move after 2 plies",
            "2 black and 0 white stones and 0 passes do not fit",
        ),
        ("../..\nBlack to move after 50 plies", "a game has at most 48"),
        ("X./..\nWhite to move after 3 plies, 2 passes", "only then"),
        ("X./..\nWhite won by 1", "only then"),
        ("X./..\nWhite to move, ko b9", "ko b9: there is no such point"),
        ("X./..\nWhite to move, ko a2", "ko a2: nothing can be played there"),
        ("X./..\nWhite to move, 3 passes", "3 passes"),
        ("X./", "found 1 rows"),
    ],
)
def test_positions_that_cannot_be_are_refused(text, complaint):
    with pytest.raises(InvalidPositionError, match=re.escape(complaint)):
        games.make(TWO).text_to_state(text.replace("/", "\n"))


@pytest.mark.parametrize("spec", ["go(size=1)", "go(size=20)", "go(superko=none)", "go(suicide=2)"])
def test_parameters_out_of_range_are_refused(spec):
    with pytest.raises(games.GameError, match="is "):
        games.make(spec)


def test_records_of_states_are_small():
    for spec, size in ((NINE, 1000), (TWO, 200)):
        assert games.make(spec).state_dtype.itemsize <= size
