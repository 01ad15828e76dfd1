import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from agents.factory import make_agent
from agents.protocols import serve_gtp, timed_search
from agents.protocols.clock import MOVES_TO_COME, PLANNED_SHARE
from agents.protocols.gtp import write_vertex
from agents.protocols.gtp_board import handicap_cells, most_handicap_stones
from agents.protocols.gtp_player import GtpPlayer
from agents.protocols.lines import LineReader
from agents.protocols.serve_gtp import GtpServer
from agents.protocols.timed_search import TimedSearch
from games import make

GNU_GO = shutil.which("gnugo") or next(
    (path for path in ("/usr/games/gnugo",) if Path(path).exists()), None
)


class Controller:
    """Sends lines to a server in process and checks that each gets one well-formed reply."""

    def __init__(self, game_id, agent="random", **options):
        self.said = []
        self.server = GtpServer(
            make(game_id),
            lambda game: make_agent(agent, game=game, seed=1),
            say=self.said.append,
            **options,
        )

    def raw(self, line):
        parts = []
        self.server.answer(line, parts.append)
        return "".join(parts)

    def __call__(self, line):
        """The text of a successful reply."""
        reply = self.raw(line)
        assert reply.startswith("=") and reply.endswith("\n\n"), (line, reply)
        return reply[1:].strip()

    def fails(self, line):
        """The text of an error."""
        reply = self.raw(line)
        assert reply.startswith("? ") and reply.endswith("\n\n"), (line, reply)
        return reply[2:].strip()


@pytest.fixture
def small():
    return Controller("tic_tac_toe", "one_ply")


@pytest.fixture
def go():
    return Controller("go")


def test_the_program_says_who_it_is(small):
    assert small("protocol_version") == "2"
    assert small("name") == "Meijin"
    assert small("version").endswith("one_ply")
    names = small("list_commands").split("\n")
    assert {"play", "genmove", "loadsgf", "kata-analyze", "gogui-rules_board"} <= set(names)
    assert all(small(f"known_command {name}") == "true" for name in names)
    assert small("known_command nonsense") == "false"
    assert small("known_command") == "false"
    assert small.fails("nonsense") == "unknown command"
    assert small.raw("42 name # comment") == "=42 Meijin\n\n"
    assert small.raw("43 nonsense") == "?43 unknown command\n\n"
    assert small.raw("# nothing") == ""
    assert not small.server.is_over
    assert small("quit") == ""
    assert small.server.is_over


def test_a_game_is_played_and_taken_back(small):
    small("play b a1")
    small("play w a2")
    small("play black b1")
    assert small("genmove w") == "c1"  # the only defence
    assert small.fails("play w b3").startswith("illegal move: it is the other side's turn")
    assert small.fails("genmove w").startswith("illegal move: it is the other side's turn")
    assert small.fails("play b c1") == "illegal move"
    assert small.fails("play b z9").startswith("invalid color or coordinate")
    assert small.fails("play red a3").startswith("invalid color or coordinate")
    assert small.fails("play b").startswith("syntax error")
    assert small("gogui-rules_side_to_move") == "black"
    small("undo")
    assert small("gogui-rules_side_to_move") == "white"
    assert "c1" in small("gogui-rules_legal_moves")
    for _ in range(3):
        small("undo")
    assert small.fails("undo") == "cannot undo"


def test_a_game_that_is_over_has_a_result_and_no_moves(small):
    assert small.fails("final_score").startswith("cannot score")
    assert small("gogui-rules_final_result") == ""
    for line in ("play b a1", "play w a2", "play b b1", "play w b2", "play b c1"):
        small(line)
    assert small("final_score") == "B+1"
    assert small("gogui-rules_final_result") == "X wins"
    assert small("gogui-rules_legal_moves") == ""
    assert small.fails("genmove w") == "the game is over"
    assert small.fails("play w a3").startswith("illegal move")
    small("clear_board")
    assert small("gogui-rules_board") == ". . .\n. . .\n. . ."


def test_sizes_are_those_that_the_game_has(small, go):
    small("boardsize 3")
    assert small.fails("boardsize 4") == "unacceptable size"
    assert small.fails("boardsize x").startswith("syntax error")
    assert go.fails("boardsize 25") == "unacceptable size"
    assert go.fails("boardsize 1") == "unacceptable size"
    go("boardsize 9")
    assert go("gogui-rules_board_size") == "9"


def test_another_size_is_another_game_with_an_agent_of_its_own(monkeypatch):
    server = Controller("go")
    asked = []

    def make_other(text):
        asked.append(text)
        return make("tic_tac_toe")  # instead of a board that would have to be compiled

    monkeypatch.setattr(serve_gtp, "make", make_other)
    before = server.server._player.agent
    server.server._make_agent = lambda game: make_agent("alpha_beta:x", game=game)
    server("play b d4")
    assert server.fails("boardsize 7") == "unacceptable size"
    assert "alpha_beta" in server.said[-1]
    assert server.server._player.agent is before
    assert server("showboard").count("X") == 1  # nothing has changed
    server.server._make_agent = lambda game: make_agent("random", game=game)
    server("boardsize 7")
    assert asked[-1].startswith("go(size=7,komi=7.5,")
    assert server("gogui-rules_game_id") == "Tictactoe"
    assert server("genmove b")


def test_go_has_vertices_passes_and_area_scores(go):
    go("play b D4")
    go("play w pass")
    go("play b e5")
    assert go("final_score") == "B+73.5"
    go("komi 0.5")
    assert go("final_score") == "B+80.5"
    assert any("plays for 7.5" in each for each in go.said)
    assert go.fails("komi nan").startswith("syntax error")
    assert go("final_status_list alive").split() == ["E5", "D4"]
    assert go("final_status_list dead") == ""
    assert len(go("final_status_list black_territory").split()) == 79
    assert go.fails("final_status_list asleep") == "invalid status"
    assert "D4" not in go("gogui-rules_legal_moves").split()
    go("genmove w")
    assert go("gogui-rules_side_to_move") == "black"


def test_a_colour_may_move_twice_where_the_other_can_pass(go):
    go("play b d4")
    go("play b e5")
    assert go("showboard").count("X") == 2
    assert go("gogui-rules_side_to_move") == "white"
    go("undo")  # takes the pass back as well
    assert go("gogui-rules_side_to_move") == "white"
    assert go("showboard").count("X") == 1
    go("play w pass")
    go("play w e5")  # Black's pass in between would be the second in a row
    assert go("gogui-rules_side_to_move") == "black"
    assert go("showboard").count("O") == 1


def test_after_the_last_pass_programs_go_on_passing(go):
    go("play b pass")
    go("play w pass")
    assert go("genmove b") == "pass"
    go("play w pass")
    for _ in range(4):
        go("undo")
    assert go.fails("undo") == "cannot undo"


@pytest.mark.parametrize("colour", ["b", "w"])
def test_play_goes_on_after_two_passes(colour):
    """As Sabaki sends it when people settle what is dead; a forbidden repetition stays one."""
    go = Controller("go", "mcts:10")
    for line in ("b c5", "w d5", "b b4", "w e4", "b c3", "w d3", "b d4", "w c4"):  # a ko
        go(f"play {line}")
    for line in ("b pass", "w pass", "w pass"):
        go(f"play {line}")
    assert go.fails("play b d4") == "illegal move"
    assert go.fails("play b d9x").startswith("invalid color or coordinate")
    go(f"play {colour} g7")
    assert go("gogui-rules_side_to_move") == ("white" if colour == "b" else "black")
    assert go("gogui-rules_captured_count") == "1 0"
    assert go("genmove " + ("w" if colour == "b" else "b"))
    go("undo")
    go("undo")
    assert go("genmove w") == "pass"


@pytest.mark.parametrize("command", ["lz-genmove_analyze", "kata-genmove_analyze"])
def test_a_move_with_analysis_is_a_pass_too_when_all_is_over(command):
    go = Controller("go2", "mcts:10")
    for line in ("play b pass", "play w pass"):
        go(line)
    assert go.raw(f"7 {command} b 5") == "=7\nplay pass\n\n"
    over = Controller("tic_tac_toe", "mcts:10")
    for line in ("b a1", "w a2", "b b1", "w b2", "b c1"):
        over(f"play {line}")
    assert over.fails(f"{command} w 5") == "the game is over"


def test_passes_end_a_game_only_if_both_sides_have_passed():
    go = Controller("go5", "mcts:10")
    go("play b c3")
    go("play b pass")
    assert go("gogui-rules_side_to_move") == "white"
    assert go("genmove w") != ""
    go("clear_board")
    go("play w pass")  # the controller's, though Black is to move
    go("play b pass")
    go("play w pass")
    assert go("genmove b") == "pass"
    assert go.raw("lz-analyze b 1 maxmoves 1").count("info move") == 1  # what to play all the same


def test_chances_of_katago_have_a_point_even_where_they_are_certain():
    """Sabaki takes a number without one for ten-thousandths: a won move would show 0.01 %."""
    searching = Controller("tic_tac_toe", "mcts:200")
    for line in ("b a1", "w a2", "b b1", "w b2"):
        searching(f"play {line}")
    reply = searching.raw("kata-analyze b 10 rootInfo true")
    chances = [part.split()[0] for part in reply.split("winrate ")[1:]]
    assert chances[0] == "1.000000" and all("." in each for each in chances)


def test_captured_stones_are_counted(go):
    for line in ("play b a2", "play w a1", "play b b1"):
        go(line)
    assert go("gogui-rules_captured_count") == "0 1"
    assert "A1" not in go("gogui-rules_legal_moves").split()  # it would be suicide
    go("play w pass")
    assert "A1" in go("gogui-rules_legal_moves").split()


def test_handicap_stones_are_set_up(go):
    assert go("fixed_handicap 4") == "C3 G7 C7 G3"
    assert go("gogui-rules_side_to_move") == "white"
    assert go.fails("fixed_handicap 2") == "board not empty"
    go("clear_board")
    assert go.fails("fixed_handicap 1") == "invalid number of stones"
    assert go.fails("fixed_handicap 10") == "invalid number of stones"
    assert len(go("place_free_handicap 20").split()) == 9
    assert go.fails("undo") == "cannot undo"
    go("clear_board")
    go("set_free_handicap a1 e5 J9")
    assert go("gogui-rules_board").count("X") == 3
    go("clear_board")
    for line in ("a1", "a1 a1", "a1 pass", "a1 z9"):
        assert go.fails(f"set_free_handicap {line}").startswith("bad vertex list")
    go("play b a1")
    assert go.fails("set_free_handicap c3 d4") == "board not empty"


@pytest.mark.skipif(GNU_GO is None, reason="GNU Go (gnugo) is not installed")
def test_handicap_points_are_those_of_gnu_go():
    asked, ours = [], []
    for size in range(7, 20):
        for count in range(2, most_handicap_stones(size) + 1):
            asked += [f"boardsize {size}", "clear_board", f"fixed_handicap {count}"]
            cells = handicap_cells(size, count)
            ours.append({write_vertex(row, column, height=size) for row, column in cells})
    lines = "\n".join([*asked, "quit\n"])
    done = subprocess.run(
        [GNU_GO, "--mode", "gtp"], input=lines, capture_output=True, text=True, timeout=120
    )
    replies = done.stdout.split("\n\n")
    assert [set(reply.removeprefix("=").split()) for reply in replies[2 : len(asked) : 3]] == ours


def test_handicap_is_for_go(small):
    for line in ("fixed_handicap 2", "place_free_handicap 2", "set_free_handicap a1 b2"):
        assert "only Go" in small.fails(line)
    assert small.fails("final_status_list alive").startswith("cannot score")
    assert small.fails("loadsgf game.sgf").startswith("cannot load file: only games of Go")


def test_vertices_are_the_boards_of_gogui():
    four = Controller("connect_four", vertices=True)
    assert four("gogui-rules_game_id") == "Connectfour"
    assert four("gogui-rules_board_size") == "7 6"
    four("boardsize 7 6")
    four("boardsize 7")
    assert four.fails("boardsize 6") == four.fails("boardsize 7 7") == "unacceptable size"
    assert four("gogui-rules_legal_moves") == "A1 B1 C1 D1 E1 F1 G1"
    four("play b D1")
    assert four("gogui-rules_board").split("\n")[-1] == ". . . X . . ."
    assert "D2" in four("gogui-rules_legal_moves").split()
    four("play w d6")  # any cell of the column
    assert "D3" in four("gogui-rules_legal_moves").split()
    own = Controller("connect_four")
    assert own("gogui-rules_legal_moves") == "1 2 3 4 5 6 7"
    own("play b 4")


def test_vertices_need_moves_that_are_cells():
    with pytest.raises(ValueError, match="not cells"):
        Controller("breakthrough", vertices=True)


def test_analysis_reports_until_the_next_line():
    searching = Controller("tic_tac_toe", "mcts:40")
    reply = searching.raw("3 lz-analyze b 10")
    first, info, *rest = reply.split("\n")
    assert first == "=3" and rest == ["", ""]
    assert info.startswith("info move ") and " pv " in info and "winrate" in info
    assert int(info.split("winrate ")[1].split()[0]) > 1000
    reply = searching.raw("kata-analyze w 10 rootInfo true maxmoves 1")
    assert reply.startswith("? illegal move")
    reply = searching.raw("kata-analyze 10 rootInfo true maxmoves 1")
    assert reply.count("info move") == 1 and "rootInfo visits" in reply
    assert searching.fails("kata-analyze interval").startswith("syntax error")
    reply = searching.raw("kata-genmove_analyze b 1")
    move = reply.strip().split("\n")[-1].removeprefix("play ")
    assert searching("showboard").count("X") >= 1
    assert move not in searching("gogui-rules_legal_moves").split()
    assert "does not search" in Controller("tic_tac_toe").fails("lz-analyze")


def test_more_slices_mean_more_visits():
    searching = Controller("tic_tac_toe", "mcts:40")
    asked = iter([False] * 5 + [True] * 5)
    parts = []
    searching.server.answer(
        "kata-analyze 1 rootInfo true", parts.append, is_waiting=lambda: next(asked)
    )
    counts = [int(part.split("rootInfo visits ")[1].split()[0]) for part in parts if "root" in part]
    assert counts and counts == sorted(counts)
    sums = [
        sum(int(info.split()[2]) for info in part.split("info move")[1:])
        for part in parts
        if "root" in part
    ]
    assert sums == sorted(sums)


def moves_of(report):
    return [info.split()[0] for info in report.split("info move ")[1:]]


@pytest.mark.parametrize("command", ["lz-analyze", "kata-analyze"])
def test_analysis_keeps_to_the_moves_it_is_given(command):
    searching = Controller("tic_tac_toe", "mcts:40")
    every = moves_of(searching.raw(f"{command} b 10 minmoves 9"))
    assert len(every) == 9
    kept = moves_of(searching.raw(f"{command} b 10 allow b a1,c3,b2 1 minmoves 9"))
    assert sorted(kept) == ["a1", "b2", "c3"]
    left = moves_of(searching.raw(f"{command} b avoid b a1,c3 1 avoid b b2 5 minmoves 9"))
    assert sorted(left) == sorted(set(every) - {"a1", "b2", "c3"})
    assert len(moves_of(searching.raw(f"{command} b minmoves 4 maxmoves 2"))) == 2
    assert len(moves_of(searching.raw(f"{command} b avoid w a1 1 minmoves 9"))) == 9
    for wrong in ("avoid b a1", "allow b zz9 1", "avoid red a1 1", "allow b a1 0", "allow b b2 x"):
        assert searching.fails(f"{command} {wrong}"), wrong
    assert "once" in searching.fails(f"{command} allow b a1 1 allow b b2 1")
    assert "no move is left" in searching.fails(f"{command} b allow b a1 1 avoid b a1 1")


def test_a_move_can_be_generated_among_those_that_are_allowed():
    searching = Controller("tic_tac_toe", "mcts:40")
    searching("play b b2")
    reply = searching.raw("kata-genmove_analyze w 1 allow w b1,b3 1")
    assert reply.strip().split()[-1] in ("b1", "b3")


def test_time_settles_how_much_is_searched():
    timed = Controller("connect_four", "mcts:5")
    timed("time_settings 4 0 0")
    timed("genmove b")
    search = timed.server._player._timed._search
    kept = search.visits(0)  # of the position after the move, known already
    assert kept >= 1
    timed("genmove w")
    assert timed.server._player._timed._search is search and search.visits(0) >= 1
    timed("undo")
    assert timed.server._player._timed._root is None
    bounded = Controller("connect_four", "mcts:5", is_bounded=True)
    bounded("time_settings 4 0 0")
    bounded("genmove b")
    assert bounded.server._player._timed._search.visits(0) <= 5


def test_byo_yomi_gives_every_stone_its_share():
    """By a clock that is looked at, not by one that runs."""
    timed = Controller("connect_four", "mcts:5")
    timed("time_settings 0 3 5")
    asked = []
    timed.server._player._timed = Told(timed.server._player.agent, asked)
    for turn in range(5):
        timed(f"time_left b {3 - turn / 2} {5 - turn}")
        timed("genmove b")
        timed(f"play w {turn + 1}")
    shares = [PLANNED_SHARE * (3 - turn / 2) / (5 - turn) for turn in range(5)]
    assert asked == pytest.approx(shares)
    timed("time_left b 10 0")  # main time, with periods to follow
    timed("genmove b")
    assert asked[-1] == pytest.approx(PLANNED_SHARE * max(10 / MOVES_TO_COME, 3 / 5))


class Told(TimedSearch):
    """Notes the seconds that it is given, and takes none of them: moves that win nothing."""

    def __init__(self, agent, asked):
        super().__init__(agent)
        self._asked = asked

    def choose(self, state, seconds, *, most=None):
        self._asked.append(seconds)
        legal = self._agent.game.legal(state)
        return legal[2 * len(self._asked) % len(legal)]


def test_what_was_pondered_counts_for_the_next_move():
    """Visits of the tree carry over from the opponent's time into our own."""
    pondering = Controller("connect_four", "mcts:50", ponders=True)
    server = pondering.server
    pondering("genmove b")
    known = server._player._timed.visits

    # So many that whatever is played next was looked at more often than 50 simulations would.
    enough = known + 2000
    server._player.ponder(server._board.state, lambda: server._player._timed.visits >= enough)
    pondered = server._player._timed.visits
    assert pondered >= enough
    pondering("play w 4")
    kept = server._player._timed.visits
    assert 0 < kept < pondered
    pondering("genmove b")  # 50 new simulations, below a root that was visited before
    fresh = Controller("connect_four", "mcts:50", ponders=True)
    fresh("genmove b")
    fresh("play w 4")
    assert fresh.server._player._timed.visits < kept


def test_a_session_ponders_only_after_moves_of_its_own(monkeypatch):
    asked = []
    monkeypatch.setattr(
        GtpPlayer, "ponder", lambda self, state, is_ended: asked.append(int(state["ply"]))
    )
    ours, theirs = os.pipe()
    lines = LineReader(ours)
    for line in ("name", "genmove b", "showboard", "play w a1", "name", "undo", "genmove w"):
        os.write(theirs, f"{line}\n".encode())
    os.close(theirs)
    os.close(ours)
    server = Controller("tic_tac_toe", "mcts:20", ponders=True).server
    server.serve(lines, lambda text: None)
    assert asked == [1, 1, 2]  # before showboard, before play, and after the last genmove


def test_how_late_it_was_is_taken_off_the_next_time(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(timed_search.time, "monotonic", lambda: now[0])
    agent = make_agent("mcts:5", game=make("tic_tac_toe"))
    deadlines = []

    class Late(TimedSearch):
        def _choose(self, state, deadline, most):
            deadlines.append(deadline - now[0])
            now[0] = deadline + 0.5
            return 0

    search = Late(agent)
    state = agent.game.rules.initial(1)[0]
    for _ in range(3):
        search.choose(state, 2.0)
    assert deadlines == pytest.approx([1.98, 1.5, 1.5])
    search.choose(state, 0.1)  # less than the lag
    assert deadlines[-1] == 0


def test_clocks_are_read_and_refused():
    timed = Controller("tic_tac_toe", "mcts:20")
    timed("time_settings 0 1 0")
    assert timed.server._player.clock_of(0) is None
    timed("time_left b 30 2")
    assert timed.fails("time_left b 30").startswith("syntax error")
    assert timed.fails("time_settings -1 0 0").startswith("syntax error")
    assert timed.fails("time_settings inf 0 0").startswith("syntax error")


VALID = (
    "(;GM[1]FF[4]SZ[9]KM[5.5]AB[gc][cg]PL[W];W[ee];B[dd](;W[];B[ff])(;W[aa]))",
    "(;GM[1]SZ[9];B[ee];W[dd];B[])",
)
BROKEN = (
    "",
    "(;",
    "(;GM[1]SZ[9];B[ee]",
    "(;GM[2]SZ[8];B[ee])",
    "(;GM[1]SZ[9];B[ee];AB[aa])",
    "(;GM[1]SZ[9];B[ee];W[ee])",
    "(;GM[1]SZ[nine];B[ee])",
    "(;GM[1]SZ[26];B[ee])",
    "(;GM[1]SZ[9];B[zz])",
    "\x00\xff",
)


def test_records_are_loaded(go, tmp_path):
    path = tmp_path / "game.sgf"
    path.write_text(VALID[0])
    go(f"loadsgf {path}")
    board = go("gogui-rules_board").split("\n")
    assert board[2].split()[6] == "X" and board[4].split()[4] == "O" and board[5].split()[5] == "X"
    assert go("final_score") == "W+2.5"  # komi of the record
    assert go("gogui-rules_side_to_move") == "white"
    go("undo")
    go(f"loadsgf {path} 2")  # as it was before the second move
    assert go("gogui-rules_board").count("X") == 2
    assert go("gogui-rules_side_to_move") == "black"
    path.write_text(VALID[1])
    go(f"loadsgf {path}")
    assert go("gogui-rules_board").count("X") == 1
    path.write_text("(;GM[1]SZ[9];AB[aa][cc];AW[ee]PL[W];W[dd])")  # set up in two nodes
    go(f"loadsgf {path} 1")
    assert go("gogui-rules_board").count("X") == 2 and go("gogui-rules_board").count("O") == 1
    assert go("gogui-rules_side_to_move") == "white"
    before = go("showboard")
    for text in BROKEN:
        path.write_text(text, encoding="latin-1")
        assert go.fails(f"loadsgf {path}").startswith("cannot load file: "), text
        assert go("showboard") == before
    assert "there is no file" in go.fails(f"loadsgf {tmp_path}")
    assert "there is no file" in go.fails("loadsgf /dev/null")


def fuzzed_line(rng, names):
    """A line that is nearly right, or not at all."""
    words = ["b", "w", "black", "d4", "a1", "pass", "3", "9", "0", "-1", "1e9", "nan", "true"]
    words += ["interval", "alive", "dead", "\u00e9", "%s", "a" * 300, "9" * 400, "resign", "7.5"]
    kind = rng.random()
    if kind < 0.1:
        return "".join(chr(rng.randrange(1, 0x250)) for _ in range(rng.randrange(30)))
    line = " ".join([rng.choice(names), *rng.choices(words, k=rng.randrange(4))])
    if kind < 0.3:
        line = f"{rng.randrange(10**6)} {line}"
    if kind > 0.9:
        cut = rng.randrange(len(line))
        line = line[:cut] + chr(rng.randrange(1, 128)) + line[cut + 1 :]
    return line.replace("\n", " ")


@pytest.mark.parametrize(
    "game, agent, lines", [("tic_tac_toe", "one_ply", 1400), ("go", "random", 600)]
)
def test_no_line_brings_the_server_down(game, agent, lines):
    controller = Controller(game, agent)
    names = [name for name in controller("list_commands").split("\n") if name != "quit"]
    names += ["play", "genmove"] * 4 + ["undo", "clear_board", "nonsense"]
    if game == "go":
        names.remove("boardsize")  # every size is a game to compile
    rng = random.Random(7)
    for _ in range(lines):
        line = fuzzed_line(rng, names)
        reply = controller.raw(line)
        assert reply == "" or (reply[0] in "=?" and reply.endswith("\n\n")), line
        assert "\n\n" not in reply[:-2], line
        assert "internal error" not in reply, (line, controller.said)
    assert controller("protocol_version") == "2"
