import pytest

from agents.protocols.uci import (
    CUSHION_SECONDS,
    RESERVE_SECONDS,
    UCI,
    USI,
    GoLimits,
    PositionCommand,
    ProtocolError,
    Report,
    best_move_line,
    centipawns,
    depth_of,
    info_line,
    permille,
    read_go,
    read_option,
    read_position,
    seconds_for_move,
    simulations_of_depth,
    split_command,
    text_line,
)


@pytest.mark.parametrize(
    "line,dialect,command,words",
    [
        ("isready", UCI, "isready", []),
        ("  go   depth 5 \t", UCI, "go", ["depth", "5"]),
        ("joho debug on", UCI, "debug", ["on"]),  # the example of the specification
        ("", UCI, "", []),
        (" \t ", USI, "", []),
        ("usinewgame", USI, "usinewgame", []),
        ("gameover win", USI, "gameover", ["win"]),
    ],
)
def test_a_line_is_split_at_its_first_known_word(line, dialect, command, words):
    assert split_command(line, dialect) == (command, words)


@pytest.mark.parametrize("line,dialect", [("usi", UCI), ("uci", USI), ("GO", UCI), ("x y", UCI)])
def test_a_line_without_a_command_is_refused(line, dialect):
    with pytest.raises(ProtocolError, match="unknown command"):
        split_command(line, dialect)


def test_names_and_values_of_options_may_have_spaces_and_values_may_be_missing():
    assert read_option("name Clear Hash".split()) == ("Clear Hash", "")
    assert read_option("name Style value very solid".split()) == ("Style", "very solid")
    for words in ([], ["name"], ["MultiPV", "value", "3"], ["name", "value", "3"]):
        with pytest.raises(ProtocolError):
            read_option(words)


def test_positions_are_a_start_and_moves():
    assert read_position(["startpos"], UCI) == PositionCommand("", ())
    moved = read_position("startpos moves e2e4 e7e5".split(), UCI)
    assert moved == PositionCommand("", ("e2e4", "e7e5"))
    assert read_position("fen K7/8 w - - 0 1 moves a8a7".split(), UCI) == PositionCommand(
        "K7/8 w - - 0 1", ("a8a7",)
    )
    assert read_position("sfen 4k/5 b - 1 moves".split(), USI) == PositionCommand("4k/5 b - 1", ())
    for words in ([], ["fen"], ["startpos", "e2e4"], ["moves", "e2e4"], ["sfen", "x"]):
        with pytest.raises(ProtocolError):
            read_position(words, UCI)


def test_every_limit_is_read():
    limits = read_go(
        "searchmoves e2e4 d2d4 wtime 1 btime 2 winc 3 binc 4 movestogo 5 depth 6 nodes 7 "
        "movetime 8 ponder infinite".split(),
        UCI,
    )
    assert limits == GoLimits(
        clocks=(1, 2),
        increments=(3, 4),
        moves_to_go=5,
        depth=6,
        nodes=7,
        move_time=8,
        ponder=True,
        infinite=True,
        search_moves=("e2e4", "d2d4"),
    )
    assert limits.complaints == ()


def test_black_moves_first_in_shogi_so_its_clock_is_player_0s():
    limits = read_go("btime 10 wtime 20 byoyomi 30".split(), USI)
    assert limits.clocks == (10, 20)
    assert limits.byoyomi == 30


def test_what_cannot_be_read_of_go_is_named_and_the_rest_holds():
    limits = read_go("wtime soon depth 3 movetime quux 5 nodes".split(), UCI)
    assert limits.depth == 3
    assert limits.clocks == (None, None)
    assert len(limits.complaints) == 6  # wtime, soon, movetime, quux, 5, nodes
    assert read_go(["wtime", "-500"], UCI).clocks == (0, None)
    assert read_go(["nodes", "9" * 5000], UCI).nodes is None


def test_time_for_a_move():
    def seconds(text, dialect=UCI, mover=0, ponders=False):
        return seconds_for_move(read_go(text.split(), dialect), mover, ponders=ponders)

    assert seconds("infinite") is None
    assert seconds("nodes 5") is None
    assert seconds("btime 1000") is None  # White's is not said
    assert seconds("movetime 1000") == pytest.approx(1 - RESERVE_SECONDS)
    assert seconds("movetime 10") == pytest.approx(0.0025)
    spent = 25 - CUSHION_SECONDS
    assert seconds("wtime 25000 winc 1000") == pytest.approx(spent / 25 + 0.8 - RESERVE_SECONDS)
    assert seconds("wtime 1 btime 25000", mover=1) == pytest.approx(spent / 25 - RESERVE_SECONDS)
    assert seconds("wtime 20000 movestogo 2") == pytest.approx(19.7 / 2 - RESERVE_SECONDS)
    assert seconds("wtime 10000 movestogo 1") == pytest.approx(0.6 * 9.7 - RESERVE_SECONDS)
    assert seconds("wtime 100 winc 5000") < 0.05  # the increment is not there yet
    assert seconds("wtime 300 winc 10") < 0.01
    pondering = seconds("wtime 25000", ponders=True)
    assert pondering == pytest.approx(1.25 * spent / 25 - RESERVE_SECONDS)
    last = 2 - CUSHION_SECONDS - RESERVE_SECONDS
    assert seconds("byoyomi 2000", USI) == pytest.approx(last)
    assert seconds("btime 0 wtime 0 byoyomi 2000", USI) == pytest.approx(last)
    assert seconds("btime 0 wtime 0 byoyomi 200", USI) == pytest.approx(0.14 - RESERVE_SECONDS)
    both = seconds("btime 25000 wtime 25000 byoyomi 2000", USI)
    assert both == pytest.approx(3 - RESERVE_SECONDS)
    assert seconds("wtime 0") == 0


def test_depth_counts_doublings():
    assert [depth_of(n) for n in (0, 1, 16, 31, 32, 63, 64)] == [1, 1, 1, 1, 2, 2, 3]
    for depth in range(1, 20):
        assert depth_of(simulations_of_depth(depth)) == depth
        assert depth_of(simulations_of_depth(depth) - 1) <= depth
    assert simulations_of_depth(0) == 16
    assert simulations_of_depth(10**9) == 1 << 43


def test_centipawns_are_a_logit_of_the_expected_score():
    assert centipawns(0) == 0
    assert centipawns(0.5) == 191
    assert centipawns(0.8) == 382
    assert centipawns(1) == 2000
    for value in (0.1, 0.37, 0.9):
        assert centipawns(-value) == -centipawns(value)
        score = 1 / (1 + 10 ** (-centipawns(value) / 400))
        assert score == pytest.approx((1 + value) / 2, abs=2e-3)


@pytest.mark.parametrize(
    "value,draw,expected",
    [
        (0, 1, (0, 1000, 0)),
        (0, 0, (500, 0, 500)),
        (1, 0, (1000, 0, 0)),
        (-1, 0, (0, 0, 1000)),
        (0.2, 0.5, (350, 500, 150)),
        (0.9, 0.5, (900, 100, 0)),
        (1.5, -3, (1000, 0, 0)),
    ],
)
def test_wins_draws_and_losses_sum_to_a_thousand(value, draw, expected):
    assert permille(value, draw) == expected


def test_lines_of_play_are_written_in_the_order_that_programs_expect():
    report = Report(("e2e4", "e7e5"), value=0.5, draw=0.2, rank=2)
    settings = {"simulations": 64, "seconds": 0.5, "shows_wdl": True}
    assert info_line(report, UCI, **settings) == (
        "info depth 3 seldepth 2 multipv 2 score cp 191 wdl 650 200 150 nodes 64 nps 128 time 500 "
        "pv e2e4 e7e5"
    )


@pytest.mark.parametrize(
    "plies,value,moves", [(1, 1, "1"), (3, 1, "2"), (2, -1, "-1"), (4, -1, "-2"), (0, -1, "-0")]
)
def test_mate_is_counted_in_moves_in_chess_and_in_plies_in_shogi(plies, value, moves):
    report = Report((), value=value, draw=0, mate_plies=plies)
    settings = {"simulations": 0, "seconds": 0.0, "shows_wdl": False}
    assert f"score mate {moves} nodes" in info_line(report, UCI, **settings)
    sign = "-" if value < 0 else ""
    assert f"score mate {sign}{plies} nodes" in info_line(report, USI, **settings)


def test_the_best_move():
    assert best_move_line(("e2e4", "e7e5", "g1f3"), UCI) == "bestmove e2e4 ponder e7e5"
    assert best_move_line(("e2e4",), UCI) == "bestmove e2e4"
    assert best_move_line((), UCI) == "bestmove (none)"
    assert best_move_line((), USI) == "bestmove resign"


def test_a_remark_is_one_line():
    assert text_line("a\nb\r\n c") == "info string a b c"
