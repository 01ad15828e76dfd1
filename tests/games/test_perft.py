"""Lines of play of any game, against counts known from elsewhere."""

import numpy as np

import games
from games.perft import divide, perft

# Tic-tac-toe's games of exactly 5 to 9 plies are 1440, 5328, 47952, 72576 and 127872: each ends,
# and the others go on with one free cell less.
TIC_TAC_TOE = (1, 9, 72, 504, 3024, 15120, 54720, 148176, 200448, 127872)


def test_lines_that_have_ended_do_not_go_on():
    game = games.make("tic_tac_toe")
    start = game.rules.initial(1)[0]
    assert tuple(perft(game, start, plies) for plies in range(10)) == TIC_TAC_TOE
    assert perft(game, start, 10) == 0


def test_a_finished_position_has_no_lines():
    game = games.make("tic_tac_toe")
    won = game.after([0, 3, 1, 4, 2])
    assert perft(game, won, 0) == 1 and perft(game, won, 1) == perft(game, won, 3) == 0
    assert divide(game, won, 2) == {}


def test_the_position_asked_about_is_left_alone():
    game = games.make("connect_four")
    state = game.after([3, 3])
    before = state.tobytes()
    assert sum(divide(game, state, 3).values()) == perft(game, state, 3) == 7**3
    assert state.tobytes() == before


def test_lines_are_those_of_play_by_hand():
    game = games.make("connect_four(width=4,height=4)")
    states = [game.after([0, 0, 0])]
    for plies in range(5):
        assert perft(game, game.after([0, 0, 0]), plies) == len(states)
        after = []
        for state in states:
            for action in game.legal(state):
                child = np.array([state])
                game.rules.step(child, np.array([action], np.int32))
                after.append(child[0])
        states = after
