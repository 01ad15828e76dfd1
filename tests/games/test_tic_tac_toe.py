"""Tic-tac-toe by its well-known counts."""

import numpy as np
import pytest

import games
from games.game import InvalidPositionError


def test_there_are_5478_positions_and_255168_games():
    game = games.make("tic_tac_toe")
    level, positions, finished_games = game.rules.initial(1), set(), 0
    while len(level):  # every row is one way to have played so far
        positions.update(level["key"].tolist())
        finished_games += int(level["finished"].sum())
        actions = np.empty((len(level), 9), np.int32)
        counts = np.empty(len(level), np.int32)
        game.rules.legal_actions(level, actions, counts)
        level = np.repeat(level, counts)
        game.rules.step(level, np.ascontiguousarray(actions[actions >= 0]))
    assert len(positions) == 5478
    assert finished_games == 255168


def test_games_run_move_by_move_as_in_openspiel():
    pyspiel = pytest.importorskip("pyspiel", reason="open-spiel is not installed")
    game = games.make("tic_tac_toe")
    rng = np.random.default_rng(11)
    for _ in range(300):
        theirs = pyspiel.load_game("tic_tac_toe").new_initial_state()
        states = game.rules.initial(1)
        while not theirs.is_terminal():
            assert states["to_play"][0] == theirs.current_player()
            assert game.legal(states[0]) == theirs.legal_actions()
            action = int(rng.choice(theirs.legal_actions()))
            theirs.apply_action(action)
            game.rules.step(states, np.array([action], np.int32))
        assert states["finished"][0] and states["returns"][0].tolist() == theirs.returns()


def test_perfect_play_is_a_draw():
    game = games.make("tic_tac_toe")
    outcomes = np.empty(1, np.int8)
    game.rules.prove(game.rules.initial(1), 9, outcomes)
    assert outcomes[0] == 0


def test_cells_are_named_as_on_a_chessboard():
    game = games.make("tic_tac_toe")
    state = game.after([game.text_to_action(game.rules.initial(1)[0], "a3")])
    assert game.state_to_text(state) == "3 X . .\n2 . . .\n1 . . .\n  a b c\nO to move"
    assert game.action_to_text(state, 8) == "c1"


def test_planes_show_mover_opponent_and_empty_cells():
    game = games.make("tic_tac_toe")
    planes = np.empty((1, 3, 3, 3), np.uint8)
    game.rules.observe(np.array([game.after([0, 4, 8])]), planes)
    assert planes[0].reshape(3, 9).tolist() == [
        [0, 0, 0, 0, 1, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 0, 0, 0, 1],
        [0, 1, 1, 1, 0, 1, 1, 1, 0],
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("XX.\n...\n...", "2 X and 0 O"), ("XXX\nOOO\n...", "has a line but did not move last")],
)
def test_positions_that_cannot_be_are_refused(text, complaint):
    with pytest.raises(InvalidPositionError, match=complaint):
        games.make("tic_tac_toe").text_to_state(text)
