"""Whole sessions of `meijin uci` and `meijin usi` as other programs hold them."""

import subprocess
import sys

import pytest

UCI = [sys.executable, "-m", "scripts.cli", "uci", "--agent", "mcts:50"]
USI = [sys.executable, "-m", "scripts.cli", "usi", "--agent", "mcts:20"]


def talk(command, text):
    """A session that ends with its input."""
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def engine():
    chess_engine = pytest.importorskip("chess.engine", reason="python-chess is not installed")
    with chess_engine.SimpleEngine.popen_uci(UCI, timeout=300) as started:
        started.ping()
        yield started


def test_a_client_plays_a_game(engine):
    chess = pytest.importorskip("chess")
    limits = [
        chess.engine.Limit(nodes=30),
        chess.engine.Limit(depth=2),
        chess.engine.Limit(time=0.05),
        chess.engine.Limit(white_clock=2, black_clock=2, white_inc=0.1, black_inc=0.1),
    ]
    board = chess.Board()
    for ply in range(24):
        if board.is_game_over():
            break
        result = engine.play(board, limits[ply % 4], info=chess.engine.INFO_ALL)
        assert result.move in board.legal_moves
        assert result.info["pv"][0] == result.move
        # A mate that the kept tree has settled before needs no simulation more.
        assert result.info["nodes"] > 0 or result.info["score"].is_mate()
        board.push(result.move)
    assert len(board.move_stack) == 24 or board.is_game_over()


def test_a_client_ponders(engine):
    chess = pytest.importorskip("chess")
    board = chess.Board()
    for _ in range(4):
        result = engine.play(board, chess.engine.Limit(nodes=200), ponder=True)
        board.push(result.move)
        assert result.ponder in board.legal_moves
        board.push(result.ponder)  # a hit, then misses
        result = engine.play(board, chess.engine.Limit(nodes=30), ponder=True)
        board.push(result.move)
        board.push(next(iter(board.legal_moves)))


def test_a_client_analyses_several_lines(engine):
    chess = pytest.importorskip("chess")
    board = chess.Board("r1bqkbnr/pppp1ppp/2n5/4p3/2B1P3/5Q2/PPPP1PPP/RNB1K1NR w KQkq - 0 1")
    lines = engine.analyse(board, chess.engine.Limit(nodes=300), multipv=3)
    assert [line["multipv"] for line in lines] == [1, 2, 3]
    assert lines[0]["pv"][0] == chess.Move.from_uci("f3f7")
    assert lines[0]["score"].relative == chess.engine.Mate(1)
    only = [chess.Move.from_uci("a2a3"), chess.Move.from_uci("h2h3")]
    found = engine.analyse(board, chess.engine.Limit(nodes=100), root_moves=only)
    assert found["pv"][0] in only


def test_stop_is_answered(engine):
    """How soon is measured by tests/agents/protocols/test_stop.py; see docs/uci.md."""
    chess = pytest.importorskip("chess")
    for _ in range(5):
        with engine.analysis(chess.Board()) as analysis:
            while not analysis.get().get("depth"):
                pass
            analysis.stop()
            assert analysis.wait().move in chess.Board().legal_moves


def test_a_session_of_shogi_by_hand():
    process = subprocess.Popen(USI, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def send(line):
        process.stdin.write(f"{line}\n")
        process.stdin.flush()

    def until(start):
        lines = []
        for line in process.stdout:
            lines.append(line.strip())
            if lines[-1].startswith(start):
                return lines
        raise AssertionError(f"the session ended without {start}: {lines}")

    send("usi")
    assert any("USI_Ponder" in line for line in until("usiok"))
    for line in ("setoption name USI_Ponder value true", "isready"):
        send(line)
    until("readyok")
    send("usinewgame")
    moves = ""
    for ply in range(8):
        send(f"position startpos moves{moves}" if moves else "position startpos")
        send("go btime 1000 wtime 1000 byoyomi 100" if ply % 2 else "go nodes 10")
        moves += f" {until('bestmove')[-1].split()[1]}"
    send("position sfen 4k4/9/4P4/9/9/9/9/9/4K4 b G 1")
    send("go nodes 200")
    lines = until("bestmove")
    assert lines[-1] == "bestmove G*5b"
    assert "score mate 1 " in lines[-2]
    send("go infinite")
    send("stop")
    until("bestmove")
    send("gameover win")
    send("quit")
    assert process.wait(timeout=60) == 0


def test_a_session_of_minichess_ends_with_its_input():
    finished = talk(
        [*UCI, "--game", "minichess"],
        "uci\nquux\nposition startpos moves b2b3\ngo nodes 40\n",
    )
    assert finished.returncode == 0
    assert finished.stderr == ""
    lines = finished.stdout.splitlines()
    assert "uciok" in lines
    assert "info string unknown command 'quux'" in lines
    assert lines[-1].startswith("bestmove ")


def test_deep_blue_is_served():
    chess_engine = pytest.importorskip("chess.engine", reason="python-chess is not installed")
    chess = pytest.importorskip("chess")
    command = [sys.executable, "-m", "scripts.cli", "uci", "--agent", "deep_blue:5000"]
    with chess_engine.SimpleEngine.popen_uci(command, timeout=300) as brute:
        brute.ping()
        board = chess.Board()
        limits = [
            chess_engine.Limit(nodes=3000),
            chess_engine.Limit(depth=4),
            chess_engine.Limit(time=0.05),
            chess_engine.Limit(white_clock=2, black_clock=2, white_inc=0.1, black_inc=0.1),
            None,
        ]
        for ply in range(10):
            result = brute.play(
                board, limits[ply % 5] or chess_engine.Limit(), info=chess_engine.INFO_ALL
            )
            assert result.info["pv"][0] == result.move
            board.push(result.move)
        lines = brute.analyse(board, chess_engine.Limit(depth=3), multipv=3)
        assert len({line["pv"][0] for line in lines}) == 3
        only = list(board.legal_moves)[-2:]
        told = brute.analyse(board, chess_engine.Limit(depth=3), root_moves=only)
        assert told["pv"][0] in only
        with brute.analysis(board) as analysis:
            while not analysis.get().get("depth"):
                pass
            analysis.stop()
            assert analysis.wait().move in board.legal_moves
        result = brute.play(board, chess_engine.Limit(depth=3), ponder=True)
        board.push(result.move)
        board.push(next(iter(board.legal_moves)))
        assert brute.play(board, chess_engine.Limit(depth=2)).move in board.legal_moves
        mate = chess.Board("7k/8/5K2/8/8/8/8/Q7 w - - 0 1")
        assert brute.analyse(mate, chess_engine.Limit(depth=6))["score"].relative == (
            chess_engine.Mate(2)
        )


@pytest.mark.parametrize(
    "arguments,message",
    [
        (["uci", "--agent", "rndom"], "did you mean 'random'"),
        (["uci", "--agent", "random", "--game", "minichess"], "searches a tree"),
        (["uci", "--game", "tic_tac_toe"], "serves chess and minichess"),
        (["usi", "--game", "chess"], "serves shogi and minishogi"),
    ],
)
def test_what_cannot_be_served_is_one_line_on_standard_error(arguments, message):
    finished = talk([sys.executable, "-m", "scripts.cli", *arguments], "isready\n")
    assert finished.returncode == 2
    assert finished.stdout == ""
    assert message in finished.stderr
    assert len(finished.stderr.strip().splitlines()) == 1
