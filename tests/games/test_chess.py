"""Chess against published perft counts, python-chess, and positions drawn by hand."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import games
from games.chess_text import move_of_action, position_of, uci
from games.game import Game, IllegalMoveError, InvalidMoveError, InvalidPositionError
from games.perft import divide, perft

FORCED = "chess(claims=forced,max_plies=400)"

START = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1"

# Lines of 1, 2, ... half-moves: https://www.chessprogramming.org/Perft_Results, positions 1 to 6.
PERFT = {
    START: (20, 400, 8902, 197281, 4865609),
    "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1": (
        *(48, 2039, 97862, 4085603, 193690690),
    ),
    "8/2p5/3p4/KP5r/1R3p1k/8/4P1P1/8 w - - 0 1": (14, 191, 2812, 43238, 674624),
    "r3k2r/Pppp1ppp/1b3nbN/nP6/BBP1P3/q4N2/Pp1P2PP/R2Q1RK1 w kq - 0 1": (
        *(6, 264, 9467, 422333, 15833292),
    ),
    "rnbq1k1r/pp1Pbppp/2p5/8/2B5/8/PPP1NnPP/RNBQK2R w KQ - 1 8": (
        *(44, 1486, 62379, 2103487, 89941194),
    ),
    "r4rk1/1pp1qppp/p1np1n2/2b1p1B1/2B1P1b1/P1NP1N2/1PP1QPPP/R4RK1 w - - 0 10": (
        *(46, 2079, 89890, 3894594, 164075551),
    ),
}

# Two pieces of white take each other's place while black's king goes to and fro.
EXCHANGE_OF_KNIGHTS = "e1d3 Ka7 a1c2 Ka8 c2e1 Ka7 d3b4 Ka8 b4c2 Ka7 c2a1 Ka8"
EXCHANGE_OF_KNIGHT_AND_BISHOP = "Ba5 Ka7 Nd3 Ka8 Ne1 Ka7 Bb4 Ka8 Bd2 Ka7 Bc1 Ka8"


def planes_of(game: Game, fen: str) -> np.ndarray:
    planes = np.zeros((1, *game.observation_shape), np.uint8)
    game.rules.observe(np.array([game.text_to_state(fen)]), planes)
    return planes[0]


def drawn(plane: np.ndarray) -> list[str]:
    return ["".join(".123456789"[cell] for cell in row) for row in plane]


def play(game: Game, moves: str, fen: str = START) -> np.void:
    """The position after moves as text, separated by spaces."""
    states = np.array([game.text_to_state(fen)])
    for move in moves.split():
        assert not states[0]["finished"], move
        game.rules.step(states, np.array([game.text_to_action(states[0], move)], np.int32))
    return states[0]


def fen_of(game: Game, state: np.void) -> str:
    return game.state_to_text(state).splitlines()[-1]


def moves_of(game: Game, fen: str) -> set[str]:
    """Legal moves in SAN."""
    state = game.text_to_state(fen)
    return {game.action_to_text(state, action) for action in game.legal(state)}


# --- Counts ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("fen", "published"), PERFT.items(), ids=range(1, 7))
def test_lines_of_play_are_as_many_as_published(fen, published):
    game = games.make("chess")
    state = game.text_to_state(fen)
    assert tuple(perft(game, state, plies) for plies in range(1, 5)) == published[:4]


@pytest.mark.slow
@pytest.mark.parametrize(("fen", "published"), PERFT.items(), ids=range(1, 7))
def test_lines_of_five_plies_are_as_many_as_published(fen, published):
    game = games.make("chess")
    assert perft(game, game.text_to_state(fen), 5) == published[4]


def test_lines_by_first_move_add_up():
    game = games.make("chess")
    start = game.rules.initial(1)[0]
    found = {game.action_to_text(start, action): n for action, n in divide(game, start, 3).items()}
    assert sum(found.values()) == perft(game, start, 3) == 8902
    assert found["e4"] == 600 and found["Nc3"] == 440 and found["a3"] == 380
    assert perft(game, start, 0) == 1


@pytest.mark.slow
@pytest.mark.parametrize("suite", ["random.perft", "tricky.perft"])
def test_lines_are_as_many_as_in_the_suites_of_python_chess(suite):
    chess = pytest.importorskip("chess", reason="python-chess is not installed")
    file = Path(chess.__file__).parents[1] / "examples" / "perft" / suite
    if not file.is_file():
        pytest.skip("only python-chess's source distribution has the perft suites")
    game = games.make("chess")
    compared = 0
    for name, fen, counts in read_suite(file):
        if chess.Board(fen).status() & chess.STATUS_BAD_CASTLING_RIGHTS:
            continue  # castling as in chess960
        state = game.text_to_state(fen)
        for plies, count in counts.items():
            if count > 1_000_000:
                break
            ours = perft(game, state, plies)
            if ours != count:  # positions of kings with a bishop or knight have ended here
                count = perft_until_dead(chess.Board(fen), plies)
            assert ours == count, (name, plies)
            compared += 1
    assert compared > 20


def read_suite(file: Path) -> list[tuple[str, str, dict[int, int]]]:
    """Name, FEN and counts by plies of each position of a file of python-chess."""
    found: list[tuple[str, str, dict[int, int]]] = []
    for line in file.read_text().splitlines():
        word, _, rest = line.partition(" ")
        if word == "id":
            found.append((rest, "", {}))
        elif word == "epd":
            found[-1] = (found[-1][0], f"{rest} 0 1", found[-1][2])
        elif word == "perft":
            plies, count = rest.split()
            found[-1][2][int(plies)] = int(count)
    return found


def perft_until_dead(board, plies: int) -> int:
    """Lines that do not go on where too little is left to mate."""
    if board.is_insufficient_material():
        return 0 if plies else 1
    if plies <= 1:
        return board.legal_moves.count() if plies else 1
    lines = 0
    for move in board.legal_moves:
        board.push(move)
        lines += perft_until_dead(board, plies - 1)
        board.pop()
    return lines


def test_the_position_with_most_moves_fills_all_slots():
    game = games.make("chess")
    state = game.text_to_state("R6R/3Q4/1Q4Q1/4Q3/2Q4Q/Q4Q2/pp1Q4/kBNN1KB1 w - - 0 1")
    assert len(game.legal(state)) == game.max_legal == 218


# --- Against python-chess --------------------------------------------------------------------


def end_by_python_chess(board, claims: str, max_plies: int) -> tuple[bool, list[float]]:
    """Whether the game is over, and the returns, by the rules on the page of chess."""
    repetitions, quiet = (3, 100) if claims == "automatic" else (5, 150)
    if board.is_checkmate():
        return True, [-1, 1] if board.turn else [1, -1]
    over = (
        board.is_stalemate()
        or board.is_insufficient_material()
        or board.is_repetition(repetitions)
        or board.halfmove_clock >= quiet
        or board.ply() >= max_plies
    )
    return over, [0, 0]


def compare_game(spec: str, rng: np.random.Generator, *, restless: float) -> dict[str, bool]:
    """Play one random game move by move with python-chess; tells how it ended.

    Args:
        spec: a chess variant of ours.
        rng: settles everything.
        restless: share of moves that take the mover's last move back, so that positions recur.
    """
    import chess

    game = games.make(spec)
    board = chess.Board()
    states = game.rules.initial(1)
    claims, most = game.parameters["claims"], game.parameters["max_plies"]
    while True:
        state = states[0]
        over, returns = end_by_python_chess(board, claims, most)
        assert fen_of(game, state) == board.fen()
        assert (bool(state["finished"]), state["returns"].tolist()) == (over, returns)
        if over:
            return {
                "mate": board.is_checkmate(),
                "stalemate": board.is_stalemate(),
                "material": board.is_insufficient_material(),
                "repetition": board.is_repetition(3),
                "quiet": board.halfmove_clock >= 100,
                "long": board.ply() >= most,
            }
        occurrences = 1 + int(state["repetitions"])
        assert board.is_repetition(occurrences) and not board.is_repetition(occurrences + 1)
        position = position_of(state)
        legal = {uci(move_of_action(position, a)): a for a in game.legal(state)}
        assert sorted(legal) == sorted(move.uci() for move in board.legal_moves)
        chosen = list(legal)[int(rng.integers(len(legal)))]
        if len(board.move_stack) > 1 and rng.random() < restless:
            last = board.move_stack[-2]
            back = chess.Move(last.to_square, last.from_square).uci()
            chosen = back if back in legal else chosen
        move = chess.Move.from_uci(chosen)
        assert game.action_to_text(state, legal[chosen]) == board.san(move)
        assert game.text_to_action(state, board.san(move)) == legal[chosen]
        board.push(move)
        game.rules.step(states, np.array([legal[chosen]], np.int32))


def compare_games(seed: int, count: int) -> None:
    pytest.importorskip("chess", reason="python-chess is not installed")
    rng = np.random.default_rng(seed)
    ends = [compare_game("chess", rng, restless=0.2 * (i % 3)) for i in range(count)]
    ends += [compare_game(FORCED, rng, restless=0.3 * (i % 3)) for i in range(count // 4)]
    for end in ("mate", "material", "repetition", "quiet"):
        assert any(found[end] for found in ends), f"no game ended by {end}"


def test_games_run_move_by_move_as_in_python_chess():
    compare_games(seed=21, count=48)


@pytest.mark.slow
def test_a_thousand_games_run_move_by_move_as_in_python_chess():
    compare_games(seed=22, count=1000)


@pytest.mark.slow
def test_all_moves_are_written_as_python_chess_writes_them():
    chess = pytest.importorskip("chess", reason="python-chess is not installed")
    game = games.make("chess")
    rng = np.random.default_rng(23)
    for _ in range(60):
        states, board = game.rules.initial(1), chess.Board()
        while not states[0]["finished"]:
            legal = game.legal(states[0])
            texts = {game.action_to_text(states[0], action) for action in legal}
            assert texts == {board.san(move) for move in board.legal_moves}
            action = int(rng.choice(legal))
            board.push_uci(uci(move_of_action(position_of(states[0]), action)))
            game.rules.step(states, np.array([action], np.int32))


# --- Keys ------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(picks=st.lists(st.integers(0, 2**16), max_size=120))
def test_fen_reads_back_and_the_key_kept_move_by_move_is_the_one_of_the_position(picks):
    game = games.make("chess")
    states = game.rules.initial(1)
    for pick in picks:
        legal = game.legal(states[0])
        if not legal:
            break
        game.rules.step(states, np.array([legal[pick % len(legal)]], np.int32))
    fen = fen_of(game, states[0])
    again = game.text_to_state(fen)
    assert fen_of(game, again) == fen
    if not states[0]["repetitions"]:
        assert again["key"] == states[0]["key"]
        assert game.legal(again) == game.legal(states[0])


def test_keys_tell_apart_what_a_board_does_not_show():
    game = games.make("chess")
    fens = [
        "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1",
        "r3k2r/8/8/8/8/8/8/R3K2R b KQkq - 0 1",
        "r3k2r/8/8/8/8/8/8/R3K2R w Kkq - 0 1",
        "r3k2r/8/8/8/8/8/8/R3K2R w - - 0 1",
        "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 60 40",
        "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 99 90",
    ]
    assert len({int(game.text_to_state(fen)["key"]) for fen in fens}) == len(fens)
    alike = "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 59 77"
    assert game.text_to_state(alike)["key"] == game.text_to_state(fens[0])["key"]


# --- Rules by name ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fen", "castles"),
    [
        ("r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1", {"O-O", "O-O-O"}),
        ("r3k2r/8/8/8/8/8/8/R3K2R b KQkq - 0 1", {"O-O", "O-O-O"}),
        ("r3k2r/8/8/8/8/8/8/R3K2R w Qkq - 0 1", {"O-O-O"}),
        ("4k3/8/8/8/8/8/4r3/R3K2R w KQ - 0 1", set()),  # in check
        ("4kr2/8/8/8/8/8/8/R3K2R w KQ - 0 1", {"O-O-O"}),  # through check
        ("4k1r1/8/8/8/8/8/8/R3K2R w KQ - 0 1", {"O-O-O"}),  # into check
        ("4k2r/8/8/8/8/8/8/R3K2R w KQ - 0 1", {"O-O", "O-O-O"}),  # a rook may be attacked
        ("1r2k3/8/8/8/8/8/8/R3K3 w Q - 0 1", {"O-O-O"}),  # and may pass over an attacked cell
        ("2r1k3/8/8/8/8/8/8/R3K3 w Q - 0 1", set()),
        ("4k3/8/8/8/8/8/8/RN2K1NR w KQ - 0 1", set()),  # pieces between
    ],
)
def test_castling_needs_rights_a_free_way_and_no_check_on_the_kings_way(fen, castles):
    game = games.make("chess")
    found = {move.rstrip("+#") for move in moves_of(game, fen) if move.startswith("O")}
    assert found == castles


@pytest.mark.parametrize(
    ("moves", "rights"),
    [
        ("Ra2", "Kkq"),
        ("Rh2", "Qkq"),
        ("Kd1", "kq"),
        ("O-O", "kq"),
        ("Rxa8+", "Kk"),  # both rooks are gone
        ("Rxh8+", "Qq"),
        ("Ke2 Rxa1", "k"),
        ("Ra2 Ra7 Ra1 Ra8", "Kk"),  # coming back does not help
    ],
)
def test_castling_rights_go_with_king_and_rooks(moves, rights):
    game = games.make("chess")
    state = play(game, moves, "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1")
    assert fen_of(game, state).split()[2] == rights


@pytest.mark.parametrize(
    ("fen", "move", "field"),
    [
        (START, "e4", "-"),  # nobody can take
        ("4k3/8/8/8/3p4/8/4P3/4K3 w - - 0 1", "e4", "e3"),
        ("4k3/8/8/8/4p3/8/4P3/4K3 w - - 0 1", "e3", "-"),
        ("3rk3/8/8/8/3p4/8/4P3/3K4 w - - 0 1", "e4", "e3"),
        ("3k4/8/8/8/3p4/8/2P5/3RK3 w - - 0 1", "c4", "-"),  # pinned on its column
        ("6k1/8/8/8/3p4/8/2P2B2/4K3 w - - 0 1", "c4", "c3"),
        ("7k/8/8/8/3p4/8/1B2P3/4K3 w - - 0 1", "e4", "-"),  # pinned on a diagonal
        ("7k/8/8/8/3p4/8/1BP5/4K3 w - - 0 1", "c4", "c3"),  # and taking along it
        ("8/8/8/8/k2p3R/8/4P3/4K3 w - - 0 1", "e4", "-"),  # both pawns leave the row
        ("8/8/8/3k4/3p4/8/4P3/4K3 w - - 0 1", "e4+", "e3"),  # takes what gives check
        ("8/8/6k1/8/3p4/8/2P5/1B2K3 w - - 0 1", "c4+", "-"),  # check from behind
    ],
)
def test_en_passant_is_there_only_if_it_is_really_legal(fen, move, field):
    game = games.make("chess")
    assert fen_of(game, play(game, move, fen)).split()[3] == field


def test_en_passant_takes_the_pawn_and_lasts_one_move():
    game = games.make("chess")
    fen = "4k3/8/8/8/3p4/8/4P3/4K3 w - - 0 1"
    assert fen_of(game, play(game, "e4 dxe3", fen)) == "4k3/8/8/8/8/4p3/8/4K3 w - - 0 2"
    assert "dxe3" in moves_of(game, fen_of(game, play(game, "e4", fen)))
    late = play(game, "e4 Ke7 Ke2", fen)
    assert late["passing"] == 0
    with pytest.raises(IllegalMoveError):
        game.text_to_action(late, "dxe3")


def test_of_two_pawns_only_the_one_that_is_not_pinned_takes_en_passant():
    game = games.make("chess")
    found = moves_of(game, "3r3k/8/8/2PpP3/8/8/3K4/8 w - d6 0 1")
    assert {"cxd6", "exd6"} <= found
    found = moves_of(game, "4r2k/8/8/2PpP3/8/4K3/8/8 w - d6 0 1")
    assert "cxd6" in found and "exd6" not in found


def test_pawns_promote_to_four_pieces_by_step_and_by_capture():
    game = games.make("chess")
    found = moves_of(game, "n1n1k3/1P6/8/8/8/8/8/4K3 w - - 0 1")
    for target in ("b8", "bxa8", "bxc8"):
        for piece in "QRBN":
            assert {f"{target}={piece}", f"{target}={piece}+"} & found
    assert sum("=" in move for move in found) == 12
    after = play(game, "bxc8=N", "n1n1k3/1P6/8/8/8/8/8/4K3 w - - 0 1")
    assert fen_of(game, after) == "n1N1k3/8/8/8/8/8/8/4K3 b - - 0 1"


def test_mate_and_stalemate_are_told_apart():
    game = games.make("chess")
    mated = play(game, "f3 e5 g4 Qh4#")
    assert mated["finished"] and mated["returns"].tolist() == [-1, 1]
    assert game.board_view(mated).deciding == ((4, 7),)
    stuck = game.text_to_state("7k/5Q2/6K1/8/8/8/8/8 b - - 0 1")
    assert stuck["finished"] and stuck["returns"].tolist() == [0, 0]


def test_the_third_occurrence_of_a_position_is_a_draw():
    game = games.make("chess")
    shuffle = "Nf3 Nf6 Ng1 Ng8 "
    state = play(game, shuffle)
    assert state["repetitions"] == 1 and not state["finished"]
    state = play(game, shuffle * 2)
    assert state["finished"] and state["returns"].tolist() == [0, 0]
    assert "draw by threefold repetition" in game.state_to_text(state)
    forced = games.make(FORCED)
    assert play(forced, shuffle * 3)["repetitions"] == 3
    assert not play(forced, shuffle * 3)["finished"]
    state = play(forced, shuffle * 4)
    assert state["finished"] and "draw by fivefold repetition" in forced.state_to_text(state)


@pytest.mark.parametrize(
    ("fen", "moves", "repetitions"),
    [
        # Rights to castle or to take en passant make another position.
        ("4k2r/8/8/8/8/8/8/R3K3 w Qk - 0 1", "Ra2 Rh7 Ra1 Rh8", 0),
        ("4k2r/8/8/8/8/8/8/R3K3 w Qk - 0 1", "Ra2 Rh7 Ra1 Rh8 Ra2 Rh7 Ra1 Rh8", 1),
        ("4k3/8/8/8/3p4/8/4P3/4K3 w - - 0 1", "e4 Kd7 Kd1 Ke8 Ke1", 0),
        ("4k3/8/8/8/8/8/4P3/4K3 w - - 0 1", "e4 Kd7 Kd1 Ke8 Ke1", 1),
        # Equal pieces may change places; a knight and a bishop may not.
        ("k7/8/8/8/8/8/8/N3N2K w - - 0 1", EXCHANGE_OF_KNIGHTS, 1),
        ("k7/8/8/8/8/8/8/2N1B2K w - - 0 1", EXCHANGE_OF_KNIGHT_AND_BISHOP, 0),
    ],
)
def test_what_counts_as_the_same_position(fen, moves, repetitions):
    game = games.make("chess")
    assert play(game, moves, fen)["repetitions"] == repetitions


@pytest.mark.parametrize(("spec", "plies"), [("chess", 100), (FORCED, 150)])
def test_quiet_plies_end_the_game_unless_the_last_one_mates(spec, plies):
    game = games.make(spec)
    fen = f"k7/8/1K6/8/8/8/8/7R w - - {plies - 1} 90"
    assert play(game, "Rh2", fen)["finished"]
    assert play(game, "Rh8#", fen)["returns"].tolist() == [1, -1]
    pawn = f"k7/8/1K6/8/8/8/7P/7R w - - {plies - 1} 90"
    assert not play(game, "h3", pawn)["finished"] and play(game, "h3", pawn)["clock"] == 0


def test_long_games_are_drawn_unless_the_last_move_mates():
    game = games.make("chess")
    state = play(game, "Kb8", "k7/8/1K6/8/8/8/8/7R b - - 3 256")
    assert state["ply"] == game.max_plies == 512
    assert state["finished"] and state["returns"].tolist() == [0, 0]
    assert not play(game, "Kb8", "k7/8/1K6/8/8/8/8/7R b - - 3 255")["finished"]
    mated = play(game, "Rh8#", "K7/8/1k6/8/8/8/7r/8 b - - 3 256")
    assert mated["ply"] == 512 and mated["returns"].tolist() == [-1, 1]


@pytest.mark.parametrize(
    ("pieces", "over"),
    [
        ("k7/8/8/8/8/8/8/7K", True),
        ("k7/8/8/8/8/8/8/6BK", True),
        ("k7/8/8/8/8/8/8/6NK", True),
        ("kb6/8/8/8/8/8/8/6BK", True),  # b8 and g1 are both dark
        ("k1b5/8/8/8/8/8/8/6BK", False),
        ("kn6/8/8/8/8/8/8/6NK", False),
        ("k7/8/8/8/8/8/8/5NNK", False),
        ("kn6/8/8/8/8/8/8/6BK", False),
        ("k7/8/8/8/8/8/7P/7K", False),
        ("k7/8/8/8/8/8/8/B3B1BK", True),  # all on dark cells
    ],
)
def test_too_little_material_ends_the_game(pieces, over):
    game = games.make("chess")
    assert bool(game.text_to_state(f"{pieces} b - - 0 1")["finished"]) == over


# --- Planes and actions ----------------------------------------------------------------------


def test_planes_show_the_board_from_the_movers_side():
    game = games.make("chess")
    planes = planes_of(game, "r3k2r/pp1q1ppp/2n2n2/2bp4/3Pp1b1/2N1BN2/PPP1BPPP/R2QK2R b Kq d3 0 9")
    # Black sees his own pieces below: rows are in the opposite order, columns are not.
    pictures = {
        0: "......../......../......../....1.../...1..../......../11...111/........",
        1: "......../......../......../......../......../..1..1../......../........",
        2: "......../......../......../......1./..1...../......../......../........",
        3: "......../......../......../......../......../......../......../1......1",
        4: "......../......../......../......../......../......../...1..../........",
        5: "......../......../......../......../......../......../......../....1...",
        6: "......../111..111/......../...1..../......../......../......../........",
        7: "......../......../..1..1../......../......../......../......../........",
        8: "......../....1.../....1.../......../......../......../......../........",
        9: "1......1/......../......../......../......../......../......../........",
        10: "...1..../......../......../......../......../......../......../........",
        11: "....1.../......../......../......../......../......../......../........",
        17: "......../......../...1..../......../......../......../......../........",
    }
    for plane, picture in pictures.items():
        assert drawn(planes[plane]) == picture.split("/"), plane
    assert [int(planes[i].max()) for i in range(12, 17)] == [0, 0, 1, 1, 0]
    assert [int(planes[i].min()) for i in range(12, 17)] == [0, 0, 1, 1, 0]
    assert planes[18].max() == 0 and planes[19].min() == 1


def test_white_sees_the_board_as_it_is_drawn():
    game = games.make("chess")
    planes = planes_of(game, START)
    mine = ["8/8/8/8/8/8/PPPPPPPP/8", "8/8/8/8/8/8/8/.N....N.", "8/8/8/8/8/8/8/..B..B.."]
    mine += ["8/8/8/8/8/8/8/R......R", "8/8/8/8/8/8/8/...Q....", "8/8/8/8/8/8/8/....K..."]
    for plane, rows in enumerate(mine):
        expected = [
            "".join("." if sign == "." else "1" for sign in row.replace("8", "." * 8))
            for row in rows.split("/")
        ]
        assert drawn(planes[plane]) == expected
        assert drawn(planes[6 + plane]) == expected[::-1]
    assert planes[13:17].min() == 1 and not planes[17:].any() and not planes[12].any()


def test_planes_show_repetitions_and_the_clock_in_tens():
    game = games.make("chess")
    planes = np.zeros((1, *game.observation_shape), np.uint8)
    game.rules.observe(np.array([play(game, "Nf3 Nf6 Ng1 Ng8")]), planes)
    assert (planes[0, 12] == 1).all()
    for clock, shown in ((0, 0), (59, 0), (60, 6), (69, 6), (70, 7), (99, 9)):
        planes = planes_of(game, f"r3k2r/8/8/8/8/8/8/R3K2R w - - {clock} 80")
        assert (planes[18] == shown).all()
    assert game.observation_scales[12] == np.float32(0.5)
    assert game.observation_scales[18] == np.float32(0.1)


@pytest.mark.parametrize(
    ("fen", "move", "origin", "plane"),
    [
        (START, "e2e4", 52, 17),
        (START, "e2e3", 52, 22),
        (START, "g1f3", 62, 16),
        (START, "b1c3", 57, 18),
        ("4k3/8/8/8/8/8/8/R3K2R w KQ - 0 1", "e1g1", 60, 33),
        ("4k3/8/8/8/8/8/8/R3K2R w KQ - 0 1", "e1c1", 60, 30),
        ("4k3/8/8/8/8/8/8/R3K2R w KQ - 0 1", "a1a8", 56, 1),
        ("r3k2r/8/8/8/8/8/8/4K3 b kq - 0 1", "a8a1", 56, 1),  # black goes up as well
        ("r3k2r/8/8/8/8/8/8/4K3 b kq - 0 1", "e8g8", 60, 33),
        ("1n2k3/P7/8/8/8/8/8/4K3 w - - 0 1", "a7a8q", 8, 22),
        ("1n2k3/P7/8/8/8/8/8/4K3 w - - 0 1", "a7b8q", 8, 23),
        ("1n2k3/P7/8/8/8/8/8/4K3 w - - 0 1", "a7a8n", 8, 65),
        ("1n2k3/P7/8/8/8/8/8/4K3 w - - 0 1", "a7b8b", 8, 69),
        ("4k3/8/8/8/8/8/p7/1N2K3 b - - 0 1", "a2b1r", 8, 72),
    ],
)
def test_actions_are_alphazeros_planes_from_the_movers_side(fen, move, origin, plane):
    game = games.make("chess")
    assert game.text_to_action(game.text_to_state(fen), move) == 73 * origin + plane


def test_the_record_is_small():
    assert games.make("chess").state_dtype.itemsize <= 300


# --- Text ------------------------------------------------------------------------------------


def test_a_position_is_drawn_with_its_fen():
    game = games.make("chess")
    assert game.state_to_text(play(game, "e4 c5")) == (
        "8 r n b q k b n r\n7 p p . p p p p p\n6 . . . . . . . .\n5 . . p . . . . .\n"
        "4 . . . . P . . .\n3 . . . . . . . .\n2 P P P P . P P P\n1 R N B Q K B N R\n"
        "  a b c d e f g h\nWhite to move\n"
        "rnbqkbnr/pp1ppppp/8/2p5/4P3/8/PPPP1PPP/RNBQKBNR w KQkq - 0 2"
    )


@pytest.mark.parametrize(
    ("fen", "texts", "move"),
    [
        (START, ("Nf3", "g1f3", "Ngf3", "N1f3", "Ng1f3", "Nf3!", "Nf3+", " Nf3 "), "g1f3"),
        (START, ("e4", "e2e4", "e2-e4", "e4!?"), "e2e4"),
        ("4k3/8/8/8/8/8/8/R3K2R w KQ - 0 1", ("O-O", "0-0", "o-o", "e1g1", "O-O+"), "e1g1"),
        ("4k3/8/8/8/8/8/8/R3K2R w KQ - 0 1", ("O-O-O", "0-0-0", "e1c1"), "e1c1"),
        ("4k3/8/8/3p4/4P3/8/8/4K3 w - - 0 1", ("exd5", "ed5", "e4d5", "exd5+", "e4xd5"), "e4d5"),
        ("4k3/8/8/3pP3/8/8/8/4K3 w - d6 0 1", ("exd6", "exd6 e.p.", "exd6e.p."), "e5d6"),
        ("8/P3k3/8/8/8/8/8/4K3 w - - 0 1", ("a8=Q", "a8Q", "a8(Q)", "a7a8q", "a8=q"), "a7a8q"),
    ],
)
def test_moves_are_read_with_all_liberties(fen, texts, move):
    game = games.make("chess")
    state = game.text_to_state(fen)
    for text in texts:
        found = game.text_to_action(state, text)
        assert uci(move_of_action(position_of(state), found)) == move, text


@pytest.mark.parametrize(
    ("fen", "move", "text"),
    [
        ("6k1/8/8/8/8/8/8/R3K2R w KQ - 0 1", "a1d1", "Rd1"),  # the other cannot pass the king
        ("6k1/8/8/8/8/4K3/8/R6R w - - 0 1", "a1d1", "Rad1"),
        ("7k/3R4/8/8/8/3R4/8/K7 w - - 0 1", "d3d5", "R3d5"),
        ("7k/8/8/1Q3Q2/8/8/8/KQ6 w - - 0 1", "b5d3", "Qb5d3"),
        ("4k3/4r3/8/8/8/4N3/8/2N1K3 w - - 0 1", "c1d3", "Nd3"),  # the other is pinned
        ("8/P6k/8/8/8/8/8/4K3 w - - 0 1", "a7a8n", "a8=N"),
        ("7k/5K2/8/8/8/8/8/6Q1 w - - 0 1", "g1g7", "Qg7#"),
    ],
)
def test_moves_are_written_in_the_shortest_way_that_is_clear(fen, move, text):
    game = games.make("chess")
    state = game.text_to_state(fen)
    assert game.action_to_text(state, game.text_to_action(state, move)) == text


@pytest.mark.parametrize(
    ("fen", "text", "error", "complaint"),
    [
        (START, "Nd2", IllegalMoveError, "'Nd2' cannot be played in chess after 0 plies; legal: "),
        (START, "e2e5", IllegalMoveError, "cannot be played"),
        (START, "e2e3q", IllegalMoveError, "cannot be played"),
        (START, "a1b5", IllegalMoveError, "cannot be played"),
        (START, "O-O", IllegalMoveError, "cannot be played"),
        (START, "knight", InvalidMoveError, "'knight' is no move; write Nf3, exd5"),
        (START, "i9", InvalidMoveError, "is no move"),
        ("6k1/8/8/8/8/4K3/8/R6R w - - 0 1", "Rd1", InvalidMoveError, "can mean a1d1 or h1d1"),
        ("8/P6k/8/8/8/8/8/4K3 w - - 0 1", "a8", InvalidMoveError, "does not say what the pawn"),
        ("8/P6k/8/8/8/8/8/4K3 w - - 0 1", "a7a8", InvalidMoveError, "as a7a8q does"),
        ("7k/5Q2/6K1/8/8/8/8/8 b - - 0 1", "Kg8", IllegalMoveError, "the game is over"),
    ],
)
def test_moves_that_cannot_be_are_refused(fen, text, error, complaint):
    game = games.make("chess")
    with pytest.raises(error) as caught:
        game.text_to_action(game.text_to_state(fen), text)
    assert complaint in str(caught.value) and len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("fen", "complaint"),
    [
        ("8/8/8/8/8/8/8/8 w - - 0 1", "has 0 white kings instead of 1"),
        ("kk6/8/8/8/8/8/8/K7 w - - 0 1", "has 2 black kings"),
        ("k7/8/8/8/8/8/8/K6p w - - 0 1", "black pawn in the first or last row"),
        ("k7/8/8/8/8/8/8/K7/8 w - - 0 1", "has 9 rows"),
        ("k7/8/8/8/8/8/K7 w - - 0 1", "has 7 rows"),
        ("k7/9/8/8/8/8/8/K7 w - - 0 1", "'9' in row 7"),
        ("k7/8/8/8/8/8/8/K8 w - - 0 1", "9 cells in row 1"),
        ("k7/8/8/8/8/8/8/K5x1 w - - 0 1", "'x' in row 1"),
        ("k7/8/8/8/8/8/8/K7 z - - 0 1", "'z' to move"),
        ("k7/8/8/8/8/8/8/K7 w KQ - 0 1", "lets castle (K) without"),
        ("k7/8/8/8/8/8/8/K7 w X - 0 1", "castling rights 'X'"),
        ("k7/8/8/8/8/8/8/K7 w - e6 0 1", "en passant e6, but no pawn"),
        ("k7/8/8/8/8/8/8/K7 w - e3 0 1", "'e3' for en passant, not - or a cell of row 6"),
        ("k7/8/8/8/8/8/8/K7 w - - x 1", "ends in x 1"),
        ("k7/8/8/8/8/8/8/K7 w - - -1 1", "ends in -1 1"),
        ("k7/8/8/8/8/8/8/K7 w - -", None),
        ("k7/8/8/8/8/8/8/K7 w - - 0", "has 5 fields"),
        ("k7/8/8/8/8/8/8/K7 w - - 101 90", "the game ends at 100"),
        ("k7/8/8/8/8/8/8/K7 w - - 0 258", "514 plies into a game that ends after 512"),
        ("k7/8/1K6/8/8/8/8/R7 w - - 0 1", "leaves black in check after its move"),
        ("kK6/8/8/8/8/8/8/8 w - - 0 1", "leaves black in check"),
        ("k7/8/1N6/8/3b4/8/8/K2r2r1 w - - 0 1", "leaves black in check"),
        ("7k/8/8/8/3b4/1n6/8/K2r4 w - - 0 1", "in check from 3 pieces"),
        ("k7/8/8/8/8/QQQQQ3/PPPPP3/K7 w - - 0 1", "5 white pawns and 4 promoted pieces"),
        ("k7/8/8/8/8/PP6/PPPPPPPP/K7 w - - 0 1", "10 white pawns"),
        ("8 w KQkq - 0 1", "needs one line of FEN"),
    ],
)
def test_impossible_positions_are_refused_in_one_line_that_says_why(fen, complaint):
    game = games.make("chess")
    if complaint is None:
        assert game.text_to_state(fen)["ply"] == 0
        return
    with pytest.raises(InvalidPositionError) as caught:
        game.text_to_state(fen)
    assert complaint in str(caught.value) and len(str(caught.value).splitlines()) == 1


def test_a_drawing_must_agree_with_its_fen():
    game = games.make("chess")
    text = game.state_to_text(play(game, "e4"))
    assert game.text_to_state(text)["ply"] == 1
    with pytest.raises(InvalidPositionError, match="not that of the FEN"):
        game.text_to_state(text.replace("4 . . . . P", "4 . . . P ."))


def test_en_passant_that_nobody_can_play_is_read_and_forgotten():
    game = games.make("chess")
    read = game.text_to_state("rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq e3 0 1")
    assert read["passing"] == 0 and read["key"] == play(game, "e4")["key"]


def test_texts_of_rare_positions_say_how_the_game_ended():
    game = games.make("chess")
    again = game.text_to_state(game.state_to_text(play(game, "Nf3 Nf6 Ng1 Ng8 " * 2)))
    assert again["finished"] and "draw by threefold repetition" in game.state_to_text(again)
