"""Sessions in process: what the server answers, line by line."""

import itertools
import random
import re
import time
from types import SimpleNamespace

import numpy as np
import pytest

import games
from agents.agent import AgentError
from agents.factory import make_agent
from agents.protocols import thinking
from agents.protocols.move_text import read_move, read_start, write_line, write_move
from agents.protocols.serve_uci import LoadingError, Server
from agents.protocols.uci import UCI, USI
from agents.protocols.watched_search import WatchedSearch
from games.game import UNPROVEN, GameError

GAMES = {"chess": UCI, "minichess": UCI, "shogi": USI, "minishogi": USI}
MATE_IN_ONE = "6k1/5ppp/8/8/8/8/8/K3R3 w - - 0 1"
MATED = "R5k1/5ppp/8/8/8/8/8/K7 b - - 0 1"
STALEMATE = "7k/5Q2/8/8/8/8/8/K7 b - - 0 1"


class Session:
    """A server, and the lines that it wrote."""

    def __init__(self, game_id, simulations=40):
        self.lines = []
        self.dialect = GAMES[game_id]
        self.game = games.make(game_id)
        agent = make_agent(f"mcts:{simulations}", game=self.game, seed=1)
        self.server = Server(self.dialect, lambda: agent, self.lines.append)

    def __call__(self, *lines):
        """Send lines; returns what was written until the search, if there is one, is over."""
        self.lines.clear()
        for line in lines:
            assert self.server.handle(line)
        thinking = self.server._thinking
        if thinking and thinking.is_running and not thinking._is_waiting():
            thinking._thread.join()
        return list(self.lines)

    def best(self, *lines):
        return re.fullmatch(r"bestmove (\S+)(?: ponder \S+)?", self(*lines)[-1])[1]


@pytest.fixture(scope="module")
def chess():
    return Session("chess")


@pytest.fixture
def minichess():
    return Session("minichess")


@pytest.fixture
def minishogi():
    return Session("minishogi")


# --- Moves as text ---------------------------------------------------------------------------


@pytest.mark.parametrize("game_id", GAMES)
def test_every_legal_move_of_random_games_is_read_back_as_itself(game_id):
    game, dialect = games.make(game_id), GAMES[game_id]
    rng = random.Random(7)
    for _ in range(3):
        states = game.rules.initial(1)
        while not states[0]["finished"] and states[0]["ply"] < 60:
            legal = game.legal(states[0])
            for action in rng.sample(legal, min(5, len(legal))):
                text = write_move(game, states[0], action)
                assert dialect.move_form.fullmatch(text), text
                assert read_move(game, states[0], text, dialect) == action
            game.rules.step(states, np.array([rng.choice(legal)], np.int32))


@pytest.mark.parametrize(
    "text", ["e4", "Nf3", "e2-e4", "0000", "e2e5", "e7e5", "e2e4q", "", "e2e4 ", "7g7f", "E2E4"]
)
def test_other_notations_and_illegal_moves_are_refused(text):
    game = games.make("chess")
    with pytest.raises(GameError):
        read_move(game, read_start(game, ""), text, UCI)


@pytest.mark.parametrize(
    "game_id,fen,moves",
    [
        ("chess", "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1", {"e1g1", "e1c1"}),
        ("chess", "4k3/P7/8/8/8/8/8/4K3 w - - 0 1", {"a7a8q", "a7a8r", "a7a8b", "a7a8n"}),
        ("chess", "4k3/8/8/3Pp3/8/8/8/4K3 w - e6 0 1", {"d5e6"}),
        ("minichess", "4k/P4/5/5/4K w - - 0 1", {"a4a5q", "a4a5r", "a4a5b", "a4a5n"}),
        ("minichess", "4k/5/5/p4/4K b - - 0 1", {"a2a1q", "a2a1n"}),
    ],
)
def test_castling_promotion_and_passing_are_written_as_the_protocol_does(game_id, fen, moves):
    game = games.make(game_id)
    state = read_start(game, fen)
    assert moves <= {write_move(game, state, action) for action in game.legal(state)}


# --- Handshake and options -------------------------------------------------------------------


def test_the_handshakes(minichess, minishogi):
    answer = minichess("uci", "isready")
    assert answer[:2] == ["id name Meijin", "id author the Meijin authors"]
    assert "option name UCI_ShowWDL type check default false" in answer
    assert "option name Ponder type check default false" in answer
    assert answer[-2:] == ["uciok", "readyok"]
    answer = minishogi("usi", "isready")
    assert "option name USI_Ponder type check default false" in answer
    assert not any("WDL" in line for line in answer)
    assert answer[-2:] == ["usiok", "readyok"]


def test_options_work(minichess):
    minichess("setoption name Simulations value 100", "setoption name multipv value 3")
    minichess("setoption name UCI_ShowWDL value true")
    answer = minichess("go")
    last = answer[-4:-1]
    assert [re.search(r"multipv (\d+)", line)[1] for line in last] == ["1", "2", "3"]
    assert all("nodes 100 " in line for line in last)
    assert all(sum(map(int, re.search(r"wdl (\d+) (\d+) (\d+)", x).groups())) == 1000 for x in last)
    assert len({line.split(" pv ")[1].split()[0] for line in last}) == 3


@pytest.mark.parametrize(
    "line",
    [
        "setoption name MultiPV value 0",
        "setoption name MultiPV value x",
        "setoption name MultiPV",
        "setoption name Ponder value maybe",
        "setoption name Hash value 16",
        "setoption MultiPV 3",
        "position",
        "position fen",
        "position fen nonsense",
        "position startpos moves e9e4",
        "quux",
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_changes_nothing(minichess, line):
    answer = minichess(line)
    assert len(answer) == 1
    assert answer[0].startswith("info string ")
    assert minichess("isready") == ["readyok"]


def test_debug_and_an_empty_line_ask_for_nothing(minichess):
    assert minichess("debug on", "", "register later", "stop", "ponderhit") == []


def test_an_agent_that_cannot_be_made_ends_the_session():
    def load():
        raise AgentError("no such agent")

    server = Server(UCI, load, lambda line: None)
    assert server.handle("uci")  # answered without the agent
    with pytest.raises(LoadingError, match="no such agent"):
        server.handle("isready")


# --- Positions -------------------------------------------------------------------------------


def test_a_position_stops_before_the_first_illegal_move(minichess):
    answer = minichess("position startpos moves b2b3 b4b3 a2a3")
    assert answer[0].startswith("info string move 2: ")
    text = minichess.game.state_to_text(minichess.server._path.state)
    assert "rnbqk/ppppp/1P3/P1PPP/RNBQK b" in text


def test_a_draw_by_count_is_played_on(chess):
    shuffle = "g1f3 g8f6 f3g1 f6g8 " * 3
    assert chess.best(f"position startpos moves {shuffle}", "go nodes 20") != "(none)"
    assert chess.best(f"position startpos moves {shuffle} e2e4", "go nodes 20") != "(none)"
    quiet = "4k3/8/8/8/8/8/8/R3K3 w - - 140 300"
    assert chess.best(f"position fen {quiet}", "go nodes 20") != "(none)"


@pytest.mark.parametrize("fen,score", [(MATED, "mate 0"), (STALEMATE, "cp 0")])
def test_where_the_game_is_over_there_is_no_move(chess, fen, score):
    answer = chess(f"position fen {fen}", "go nodes 20")
    assert answer == [
        "info string the game is over",
        f"info depth 0 score {score}",
        "bestmove (none)",
    ]


@pytest.mark.parametrize("wanted,ending", [("ponder", "ponderhit"), ("infinite", "stop")])
def test_where_the_game_is_over_an_endless_search_answers_when_it_is_ended(chess, wanted, ending):
    assert chess(f"position fen {MATED}", f"go {wanted}")[-1] == "info depth 0 score mate 0"
    assert chess("isready") == ["readyok"]
    assert chess(ending) == ["bestmove (none)"]
    assert chess("stop") == []


def test_ponderhit_does_not_end_an_infinite_search_of_a_finished_game(chess):
    chess(f"position fen {MATED}", "go ponder infinite")
    assert chess("ponderhit") == []
    assert chess("stop") == ["bestmove (none)"]


def test_who_asks_for_a_mate_alone_is_told_that_nobody_looks_for_it(minishogi, chess):
    assert minishogi("position startpos", "go mate infinite") == ["checkmate notimplemented"]
    assert minishogi("go mate 1000") == ["checkmate notimplemented"]
    assert chess.best("position startpos", "go mate 3 nodes 20") != "(none)"


def test_a_mated_player_of_shogi_resigns(minishogi):
    answer = minishogi("position sfen 2k2/2G2/2P2/5/2K2 w - 2", "go nodes 20")
    assert answer[-2:] == ["info depth 0 score mate 0", "bestmove resign"]


# --- Searching -------------------------------------------------------------------------------


@pytest.mark.parametrize("game_id", GAMES)
def test_lines_of_play_are_legal_and_begin_with_the_best_move(game_id):
    session = Session(game_id)
    answer = session("setoption name MultiPV value 4", "go nodes 60")
    best = answer[-1].split()[1]
    assert answer[-5].split(" pv ")[1].split()[0] == best
    for line in answer[-5:-1]:
        state = read_start(session.game, "")
        actions = []
        for text in line.split(" pv ")[1].split():
            actions.append(read_move(session.game, state, text, session.dialect))
            state = session.game.after(actions)


def test_nodes_and_depth_bound_the_simulations(minichess):
    assert "nodes 123 " in minichess("go nodes 123")[-2]
    minichess("ucinewgame")
    assert " depth 4 " in minichess("go depth 4")[-2]
    minichess("ucinewgame")
    assert "nodes 40 " in minichess("go")[-2]  # what the agent searches
    assert "nodes 1 " in minichess("position startpos", "ucinewgame", "go nodes 0")[-2]


def test_mate_is_found_and_proven(chess):
    answer = chess("ucinewgame", f"position fen {MATE_IN_ONE}", "go nodes 500")
    assert "score mate 1 " in answer[-2]
    assert answer[-1] == "bestmove e1e8"
    before = "6k1/5ppp/8/8/8/8/r7/1r5K b - - 0 1"
    assert "score mate 1 " in chess(f"position fen {before}", "go nodes 500")[-2]


def test_search_moves_are_the_only_ones_to_choose_from(chess):
    position = f"position fen {MATE_IN_ONE}"
    answer = chess("setoption name MultiPV value 5", position, "go nodes 60 searchmoves a1a2 e1e7")
    assert {line.split(" pv ")[1].split()[0] for line in answer[:-1]} == {"a1a2", "e1e7"}
    assert "mate 1 " not in answer[-3]
    answer = chess(position, "go nodes 60 searchmoves e1e8 a1a2")
    assert "score mate 1 " in answer[0]
    answer = chess(position, "go nodes 60 searchmoves a1a8 quux")
    assert sum(line.startswith("info string searchmoves: ") for line in answer) == 2
    assert chess("setoption name MultiPV value 1", position, "go nodes 60")[-1] == "bestmove e1e8"


def test_a_search_kept_to_moves_that_lose_still_chooses_one_of_them(chess):
    position = "position fen 6k1/p4ppp/8/8/8/8/8/1K2R3 b - - 0 1"
    answer = chess("ucinewgame", position, "go nodes 2000 searchmoves a7a6 a7a5")
    assert "score mate -1 " in answer[-2]
    assert answer[-2].split(" pv ")[1] in ("a7a6 e1e8", "a7a5 e1e8")
    assert chess.best(position, "go nodes 500") not in ("a7a6", "a7a5")


def test_the_order_of_candidates_agrees_with_the_search():
    game = games.make("minichess")
    search = WatchedSearch(make_agent("mcts:50", game=game))
    rng = random.Random(3)
    for _ in range(20):
        states = game.rules.initial(1)
        for _ in range(rng.randrange(30)):
            if not states[0]["finished"]:
                action = rng.choice(game.legal(states[0]))
                game.rules.step(states, np.array([action], np.int32))
        if states[0]["finished"]:
            continue
        search.start(states[0])
        result = search.run(200)
        best = search.candidates(1)[0]
        if result.proven[0] != UNPROVEN:
            assert best.value == result.proven[0]
        else:
            slot = list(result.actions[0]).index(best.action)
            assert best.action == result.best_actions[0]
            open_ = result.q_values[0] > -1.0  # a move proven lost late may have most visits
            assert result.visits[0, slot] == result.visits[0][open_].max()
            assert best.value == pytest.approx(result.q_values[0, slot])
        write_line(game, states[0], best.line)


def test_the_tree_of_a_followed_game_is_kept(minichess):
    minichess("position startpos", "go nodes 400")
    line = minichess.lines[-2].split(" pv ")[1].split()
    minichess(f"position startpos moves {' '.join(line[:2])}", "go nodes 1")
    assert sum(each.visits for each in minichess.server._search.candidates(99)) > 3
    minichess("ucinewgame", f"position startpos moves {' '.join(line[:2])}", "go nodes 1")
    assert sum(each.visits for each in minichess.server._search.candidates(99)) <= 1


def test_an_infinite_search_answers_when_it_is_stopped(minichess):
    assert not any(line.startswith("bestmove") for line in minichess("go infinite"))
    time.sleep(0.3)
    assert not any(line.startswith("bestmove") for line in minichess("isready"))
    assert minichess("stop")[-1].startswith("bestmove")
    assert minichess("stop") == []


def test_a_settled_search_waits_for_stop_too(chess):
    chess(f"position fen {MATE_IN_ONE}", "go infinite")
    time.sleep(0.2)
    assert chess.server._thinking.is_running
    assert chess("stop")[-1] == "bestmove e1e8"


def test_pondering_keeps_its_limits_for_the_hit(minichess):
    minichess("setoption name Ponder value true", "go ponder nodes 50 wtime 1000 btime 1000")
    time.sleep(0.2)
    assert minichess.server._thinking.is_running
    answer = minichess("ponderhit")
    assert sum(line.startswith("bestmove") for line in answer) == 1
    minichess("go ponder movetime 100")
    assert minichess("stop")[-1].startswith("bestmove")


def test_a_new_command_ends_the_running_search_with_its_answer(minichess):
    answer = minichess("go infinite", "position startpos", "go infinite", "ucinewgame")
    assert sum(line.startswith("bestmove") for line in answer) == 2


def test_the_clock_is_kept(minichess, monkeypatch):
    """By a clock that moves a little whenever it is looked at, and not with the machine."""
    looks = itertools.count()
    clock = SimpleNamespace(perf_counter=lambda: next(looks) * 0.002)
    monkeypatch.setattr(thinking, "time", clock)
    minichess("isready")
    begun = clock.perf_counter()
    minichess("go wtime 2500 btime 2500")
    assert 0.04 < clock.perf_counter() - begun < 0.5
    begun = clock.perf_counter()
    minichess("go movetime 200")
    assert 0.15 < clock.perf_counter() - begun < 0.3


def test_whole_games_are_played(minichess, minishogi):
    for session in (minichess, minishogi):
        moves = []
        state = read_start(session.game, "")
        while not state["finished"] and len(moves) < 80:
            position = (
                f"position startpos moves {' '.join(moves)}" if moves else "position startpos"
            )
            text = session.best(position, "go nodes 20")
            action = read_move(session.game, state, text, session.dialect)
            states = np.array([state], session.game.state_dtype)
            session.game.rules.step(states, np.array([action], np.int32))
            state = states[0]
            moves.append(text)
        assert len(moves) > 4


# --- Fuzz ------------------------------------------------------------------------------------

WORDS = (
    "uci usi isready setoption name value MultiPV Simulations Ponder UCI_ShowWDL true false 3 0 -1 "
    "position startpos fen sfen moves go stop ponderhit debug ucinewgame usinewgame gameover "
    "searchmoves nodes depth movetime wtime btime winc binc byoyomi movestogo mate infinite ponder "
    "b2b3 a4a3 e2e4 7g7f P*5e 1e1d rnbqk/ppppp/5/PPPPP/RNBQK w b - 1 rbsgk/4p/5/P4/KGSBR "
    "k4/5/5/5/4K 99999999999999999999 \x00 \u2028 é \ufffd / // * + a1a1 quit0 on"
).split(" ")


@pytest.mark.parametrize("game_id", ["minichess", "minishogi"])
def test_two_thousand_fuzzed_lines(game_id):
    session = Session(game_id, simulations=3)
    rng = random.Random(11)
    opening = session("isready")
    assert opening == ["readyok"]
    starts = ("go nodes 2", "position startpos moves", "position", "go", "setoption name", "")
    for number in range(2000):
        words = [rng.choice(WORDS) for _ in range(rng.randrange(9))]
        line = " ".join([rng.choice(starts), *words])
        if rng.random() < 0.1:
            line = "".join(chr(rng.randrange(1, 0x2FF)) for _ in range(rng.randrange(40)))
        line = re.sub(r"(movetime|time|byoyomi|inc|nodes|depth) \d{2,}", r"\1 5", line)
        if "quit" in line.split():
            continue
        assert session.server.handle(line), line
        if number % 50 == 0:
            session.server.handle("stop")
            assert session("isready")[-1] == "readyok"
    session.server.handle("stop")
    assert all("\n" not in line for line in session.lines)
    assert session("position startpos", "go nodes 5")[-1].startswith("bestmove ")
    assert not session.server.handle("quit")
