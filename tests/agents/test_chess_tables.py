"""Endgame tables of chess against what is published, against Syzygy's, and against play itself."""

import os
from pathlib import Path

import numpy as np
import pytest

from agents.agent import AgentError
from agents.arena.truth import keeps_result
from agents.exact.chess_solver import ChessSolver
from agents.exact.chess_tables import ChessTables, all_materials, material_named
from agents.exact.chess_truth import ENDINGS, PER_ENDING, chess_endings_truth
from agents.exact.kernels.chess_tables import VOID, men_at
from games import make

# Longest mates in moves, the stronger side to move: Thompson 1986 and 1996, ICCA Journal.
LONGEST = {"KQK": 10, "KRK": 16, "KPK": 28, "KBK": 0, "KNK": 0}
LONGEST_OF_FOUR = {"KQKR": 35, "KRKN": 40, "KBNK": 33, "KBBK": 19, "KRKB": 29}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return ChessTables(tmp_path_factory.mktemp("tables"))


@pytest.fixture(scope="module")
def chess():
    return make("chess")


def longest_mate(values):
    return (int(values[values != VOID].max(initial=0)) + 1) // 2


@pytest.mark.parametrize("name", LONGEST)
def test_longest_mates_of_three_men_are_the_published_ones(tables, name):
    assert longest_mate(tables.need(material_named(name))) == LONGEST[name]


@pytest.mark.parametrize("name", LONGEST_OF_FOUR)
def test_longest_mates_of_four_men_are_the_published_ones(tables, name):
    assert longest_mate(tables.need(material_named(name))) == LONGEST_OF_FOUR[name]


def test_king_and_rook_against_king_counts_as_the_published_data_set(tables):
    """Black to move, by white's moves to mate (Bain and Hoff 1994, the UCI repository)."""
    material = material_named("KRK")
    values = tables.need(material)
    places = np.flatnonzero(values != VOID)
    turns = np.array([men_at(int(each), material.men, material.has_pawns)[0] for each in places])
    black = values[places[turns == 1]].astype(int)
    counted = [int((black == -(2 * moves + 1)).sum()) for moves in range(17)]
    assert len(black) == 28_056 and (black == 0).sum() == 2796
    assert counted == [
        27, 78, 246, 81, 198, 471, 592, 683, 1433, 1712, 1985, 2854, 3597, 4194, 4553, 2166, 390,
    ]  # fmt: skip


def test_there_are_five_tables_of_three_men_and_thirty_more_of_four():
    assert len(all_materials(3)) == 5
    assert len({each.name for each in all_materials()}) == 35


@pytest.mark.parametrize(
    ("fen", "plies"),
    [
        ("8/8/8/8/8/8/6k1/K6Q b - - 0 1", None),  # the queen is lost
        ("7k/8/5K2/8/8/8/8/Q7 w - - 0 1", 3),
        ("k7/8/1K6/8/8/8/8/7R w - - 0 1", 1),
        ("k7/7R/1K6/8/8/8/8/8 b - - 0 1", -2),
    ],
)
def test_known_positions(tables, chess, fen, plies):
    state = chess.text_to_state(fen)
    assert tables.plies_to_mate(state) == plies


def test_best_play_mates_in_as_many_plies_as_the_table_says(tables, chess):
    solver = ChessSolver(game=chess, tables=tables)
    state = np.array([chess.text_to_state("8/8/8/3k4/8/8/1R6/K7 w - - 0 1")])
    plies = tables.plies_to_mate(state[0])
    assert plies is not None
    for _ in range(plies):
        solved = solver.moves(state[0])
        chess.rules.step(state, solved.actions[[solved.scores.argmax()]])
    assert state[0]["finished"] and state[0]["returns"].any()


def test_a_table_is_read_back_and_a_damaged_one_is_computed_anew(tmp_path):
    first = ChessTables(tmp_path).need(material_named("KRK")).copy()
    assert (ChessTables(tmp_path).need(material_named("KRK")) == first).all()
    (tmp_path / "KRK.npz").write_bytes((tmp_path / "KRK.npz").read_bytes()[:-500])
    said = []
    again = ChessTables(tmp_path, say=said.append).need(material_named("KRK"))
    assert (again == first).all()
    assert "damaged" in said[0]


@pytest.mark.parametrize("text", ["KXK", "QK", "KQRBK", "K", "KK"])
def test_what_names_no_ending_is_refused(text):
    with pytest.raises(AgentError):
        material_named(text)


def test_the_solver_makes_no_mistake_in_the_endings_of_the_truth_meter(tables, chess):
    truth = chess_endings_truth(chess, tables)
    assert len(truth.states) == len(ENDINGS) * PER_ENDING
    solver = ChessSolver(game=chess, tables=tables)
    best = [solver.moves(state) for state in truth.states]
    actions = np.array([each.actions[each.scores.argmax()] for each in best], np.int32)
    assert keeps_result(truth.outcomes, actions).all()
    worst = np.array([each.actions[each.scores.argmin()] for each in best], np.int32)
    assert not keeps_result(truth.outcomes, worst).any()


def test_results_are_those_of_syzygy_tables(tables, chess):
    syzygy = pytest.importorskip("chess.syzygy", reason="python-chess is not installed")
    folder = os.environ.get("MEIJIN_SYZYGY", "")
    if not Path(folder, "KQvKR.rtbw").is_file():
        pytest.skip("MEIJIN_SYZYGY names no folder with Syzygy's tables")
    from chess import Board

    truth = chess_endings_truth(chess, tables)
    with syzygy.open_tablebase(folder) as probe:
        for state in truth.states:
            board = Board(chess.state_to_text(state).splitlines()[-1])
            assert np.sign(probe.probe_wdl(board)) == np.sign(tables.value(state))
