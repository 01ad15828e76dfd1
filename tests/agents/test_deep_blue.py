"""Chess by brute force: moves, mates that are proven, the book against python-chess, the agent."""

import shutil

import numpy as np
import pytest

from agents.agent import AgentError
from agents.deep_blue.book import book_from_games, polyglot_key, read_book, write_book
from agents.deep_blue.engine import Engine
from agents.deep_blue.isaac64 import isaac64
from agents.deep_blue.kernels.moves import count_lines
from agents.deep_blue.mate_suite import (
    MATES_IN_THREE,
    PLIES,
    is_mate_within,
    mates_from_play,
    mating_moves,
)
from agents.factory import make_agent
from games import make
from games.chess_text import read_fen

START = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1"
PERFT = [  # the positions of the chess programming wiki, "Perft Results"
    (START, 4, 197_281),
    ("r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1", 3, 97_862),
    ("8/2p5/3p4/KP5r/1R3p1k/8/4P1P1/8 w - - 0 1", 5, 674_624),
    ("r3k2r/Pppp1ppp/1b3nbN/nP6/BBP1P3/q4N2/Pp1P2PP/R2Q1RK1 w kq - 0 1", 4, 422_333),
    ("rnbq1k1r/pp1Pbppp/2p5/8/2B5/8/PPP1NnPP/RNBQK2R w KQ - 1 8", 4, 2_103_487),
]
KEYS = [  # published with Polyglot's book format
    (START, 0x463B96181691FC9C),
    ("rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq e3 0 1", 0x823C9B50FD114196),
    ("rnbqkbnr/ppp1pppp/8/3p4/4P3/8/PPPP1PPP/RNBQKBNR w KQkq d6 0 2", 0x0756B94461C50FB0),
    ("rnbqkbnr/ppp1pppp/8/3pP3/8/8/PPPP1PPP/RNBQKBNR b KQkq - 0 2", 0x662FAFB965DB29D4),
    ("rnbqkbnr/ppp1p1pp/8/3pPp2/8/8/PPPP1PPP/RNBQKBNR w KQkq f6 0 3", 0x22A48B5A8E47FF78),
    ("rnbqkbnr/ppp1p1pp/8/3pPp2/8/8/PPPPKPPP/RNBQ1BNR b kq - 0 3", 0x652A607CA3F242C1),
    ("rnbq1bnr/ppp1pkpp/8/3pPp2/8/8/PPPPKPPP/RNBQ1BNR w - - 0 4", 0x00FDD303C946BDD9),
    ("rnbqkbnr/p1pppppp/8/8/PpP4P/8/1P1PPPP1/RNBQKBNR b KQkq c3 0 3", 0x3C8123EA7B067637),
    ("rnbqkbnr/p1pppppp/8/8/P6P/R1p5/1P1PPPP1/1NBQKBNR b Kkq - 0 4", 0x5C3F9B829B279560),
]
MATES = [  # position, plies to mate
    ("6k1/5ppp/8/8/8/8/8/K3R3 w - - 0 1", 1),
    ("r1bqkb1r/pppp1ppp/2n2n2/4p2Q/2B1P3/8/PPPP1PPP/RNB1K1NR w KQkq - 4 4", 1),
    ("kbK5/pp6/1P6/8/8/8/8/R7 w - - 0 1", 3),  # Morphy
    ("r5rk/5p1p/5R2/4B3/8/8/7P/7K w - - 0 1", 5),
]


@pytest.fixture(scope="module")
def chess():
    return make("chess")


@pytest.fixture(scope="module")
def engine(chess):
    return Engine(game=chess)


@pytest.mark.parametrize(("fen", "depth", "lines"), PERFT)
def test_the_search_plays_by_the_rules(chess, engine, fen, depth, lines):
    state = chess.text_to_state(fen)
    engine.set_position(state)
    memory = engine._memory
    found = count_lines(memory.stack, memory.moves, 0, depth, int(state["to_play"]))
    assert found == lines


@pytest.mark.parametrize(("fen", "plies"), MATES)
def test_mates_are_found_and_are_proven_by_exhaustive_search(chess, engine, fen, plies):
    state = chess.text_to_state(fen)
    outcomes = np.empty(1, np.int8)
    chess.rules.prove(np.array([state]), plies, outcomes)
    assert outcomes[0] == 1
    engine.forget()
    engine.set_position(state)
    assert engine.think(nodes=300_000).plies_to_mate == plies


def test_the_best_line_can_be_played(chess, engine):
    engine.set_position(chess.text_to_state(PERFT[1][0]))
    thought = engine.think(nodes=50_000)
    states = np.array([chess.text_to_state(PERFT[1][0])])
    assert thought.depth >= 4
    for action in thought.line:
        assert action in chess.legal(states[0])
        chess.rules.step(states, np.array([action], np.int32))


@pytest.mark.parametrize(("fen", "key"), MATES_IN_THREE)
def test_mates_in_three_are_found_by_their_only_move(chess, engine, fen, key):
    state = chess.text_to_state(fen)
    engine.forget()
    engine.set_position(state)
    thought = engine.think(nodes=100_000)
    assert thought.plies_to_mate == PLIES
    assert chess.action_to_text(state, thought.line[0]) == key


@pytest.mark.slow
@pytest.mark.parametrize(("fen", "key"), MATES_IN_THREE)
def test_each_mate_in_three_is_proven_by_trying_everything(chess, fen, key):
    state = chess.text_to_state(fen)
    assert not is_mate_within(chess, state, PLIES - 2)
    moves = mating_moves(chess, state, PLIES)
    assert [chess.action_to_text(state, action) for action in moves] == [key]


def test_stockfish_sees_the_same_mates_in_three():
    peer = pytest.importorskip("chess", reason="python-chess is not installed")
    program = shutil.which("stockfish") or "/usr/games/stockfish"
    if not shutil.which(program):
        pytest.skip("Stockfish is not installed")
    engine = pytest.importorskip("chess.engine")
    with engine.SimpleEngine.popen_uci(program) as stockfish:
        for fen, key in MATES_IN_THREE:
            board = peer.Board(fen)
            assert board.is_valid()
            told = stockfish.analyse(board, engine.Limit(mate=3, nodes=3_000_000))
            assert told["score"].relative == engine.Mate(3), fen
            assert told["pv"][0] == board.parse_san(key)


def test_problems_are_made_from_play(chess):
    fen, key = next(mates_from_play(chess, seed=1))
    state = chess.text_to_state(fen)
    assert [chess.action_to_text(state, each) for each in mating_moves(chess, state, PLIES)] == [
        key
    ]


def test_some_moves_can_be_left_out(chess, engine):
    fen, key = MATES_IN_THREE[-1]
    state = chess.text_to_state(fen)
    engine.forget()
    engine.set_position(state)
    moves = engine.moves()
    assert set(moves) == set(chess.legal(state))
    barred = moves[chess.text_to_action(state, key)]
    assert engine.begin(left_out=[barred]).line[0] != chess.text_to_action(state, key)
    for depth in range(2, 6):
        thought = engine.deepen(depth, left_out=[barred])
        assert thought.line[0] != chess.text_to_action(state, key)
        assert thought.plies_to_mate is None or thought.plies_to_mate > PLIES
    assert engine.think(nodes=100_000).plies_to_mate == PLIES  # and nothing wrong was remembered


def test_polyglots_numbers_come_out_of_isaac64():
    polyglot = pytest.importorskip("chess.polyglot", reason="python-chess is not installed")
    assert isaac64(781) == list(polyglot.POLYGLOT_RANDOM_ARRAY)


@pytest.mark.parametrize(("fen", "key"), KEYS)
def test_positions_have_polyglots_published_keys(fen, key):
    assert polyglot_key(read_fen(fen)) == key


def test_python_chess_reads_the_books_that_are_made(chess, tmp_path):
    polyglot = pytest.importorskip("chess.polyglot", reason="python-chess is not installed")
    board = pytest.importorskip("chess")
    games = []
    for text, result in (("e4 e5 Nf3 Nc6 Bb5 a6 O-O", 1.0), ("e4 c5 Nf3", 0.0), ("d4 d5", -1.0)):
        states, actions = chess.rules.initial(1), []
        for word in text.split():
            actions.append(chess.text_to_action(states[0], word))
            chess.rules.step(states, np.array(actions[-1:], np.int32))
        games.append((actions, result))
    path = tmp_path / "book.bin"
    write_book(book_from_games(chess, games), path)
    book = read_book(path)
    position, states = board.Board(), chess.rules.initial(1)
    with polyglot.open_reader(path) as reader:
        for action in games[0][0]:
            theirs = {entry.move.uci(): entry.weight for entry in reader.find_all(position)}
            ours = {
                position.parse_san(chess.action_to_text(states[0], move.action)).uci(): move.weight
                for move in book.moves(chess, states[0])
            }
            assert ours == theirs
            position.push_san(chess.action_to_text(states[0], action))
            chess.rules.step(states, np.array([action], np.int32))
    assert (
        make_agent(f"deep_blue(book={path})", game=chess).move(chess.rules.initial(1)[0])
        == (games[0][0][0])
    )


@pytest.mark.parametrize("size", [0, 17])
def test_a_corrupt_book_is_refused(tmp_path, size):
    (tmp_path / "book.bin").write_bytes(bytes(size))
    with pytest.raises(AgentError, match="no Polyglot book"):
        read_book(tmp_path / "book.bin")


@pytest.mark.parametrize(
    "text", ["deep_blue(x=1)", "deep_blue:0", "deep_blue(depth=)", "deep_blue("]
)
def test_a_text_that_cannot_be_read_is_refused(chess, text):
    with pytest.raises(AgentError):
        make_agent(text, game=chess)


def test_the_agent_mates_a_lone_king_by_the_tables(chess):
    agent = make_agent("deep_blue:2000", game=chess)
    state = np.array([chess.text_to_state("8/8/8/3k4/8/8/1R6/K7 w - - 0 1")])
    random = np.random.default_rng(1)
    for ply in range(32):
        mine = ply % 2 == 0
        action = agent.move(state[0]) if mine else random.choice(chess.legal(state[0]))
        chess.rules.step(state, np.array([action], np.int32))
        if state[0]["finished"]:
            break
    assert state[0]["returns"][0] == 1
