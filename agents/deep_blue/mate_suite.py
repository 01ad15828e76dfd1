"""Mates in three: two dozen problems out of own games, each with one move that does it.

They were found as ``mates_from_play`` finds them, in games of the search against itself with fewer
positions a move, so nobody's collection is copied.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from agents.choice import expand_children
from agents.deep_blue.engine import Engine
from games.chess_text import fen, position_of
from games.game import Game

PLIES = 5  # of a mate in three: three moves and two answers

#: Positions, and the only move that mates in three: from many men to few.
MATES_IN_THREE: tuple[tuple[str, str], ...] = (
    ("k1b4r/N4ppp/p1Q1p3/2pp4/3Pn3/P1P1q1P1/1P2P1P1/R3KB2 b Q - 0 1", "Bb7"),
    ("rkb4R/pp4p1/4p2p/1Nb1pq2/2Q5/4B3/PPP2PPP/2K4R w - - 0 1", "Qxc5"),
    ("N1k4r/5pb1/1Bpp2pp/3Pp1Pq/Q3P3/8/PP1N1P1P/7K w - - 0 1", "Qxc6+"),
    ("5rk1/1pp5/1n6/1Q1pq1pp/p3R3/P1P1p2P/1P3rB1/R5K1 b - - 0 1", "Rxg2+"),
    ("6kr/1Q2B1pp/8/4pB2/3q1n1P/3P4/PP3PP1/5K1R w - - 0 1", "Qb3+"),
    ("8/P4p2/1p3n2/2k3p1/2p4p/2Pb1P1K/1P2r1PP/R6R b - - 0 1", "Bf5+"),
    ("3r4/4k3/3r2BQ/2pb4/pp1p3P/3P3P/PPP5/1K6 w - - 0 1", "Qg7+"),
    ("3Q4/p5kr/5p2/5p2/4p2p/BPP3PP/2P2P2/1K4R1 w - - 0 1", "gxh4+"),
    ("r6k/p2b1p1B/4p2Q/2pp4/8/8/1qP2PP1/R2KR3 w - - 0 1", "Bg6+"),
    ("2N3R1/5p1r/4B2p/2p1Bp1k/P7/7P/5PP1/R5K1 w - - 0 1", "g4+"),
    ("8/R2r4/1n1q1p1k/1P3B2/3P1P1p/1Q2P2P/5P2/5K2 w - - 0 1", "Qg8"),
    ("8/1rp1Nppk/6p1/4b3/7P/4PQ2/r1P2PK1/7R w - - 0 1", "Qxf7"),
    ("2B2r2/2p5/k2p3p/3P3P/P1P1p2r/5b2/1R3P2/6K1 b - - 0 1", "Rxc8"),
    ("2kr4/pp2p3/7b/8/2qn4/2N5/PP5P/R2K2Q1 b - - 0 1", "Qd3+"),
    ("7b/2k1p2P/p3P3/3p2P1/1n1r4/2K5/4RP2/r6R b - - 0 1", "a5"),
    ("8/5p2/p4R1p/7k/P3rB2/2P1P3/1r4PP/R5K1 w - - 0 1", "Rxh6+"),
    ("5b1r/4p2p/p4p1P/6k1/8/1P1Q4/P5P1/2R3KR w - - 0 1", "Rf1"),
    ("8/pp1R2pp/4Rr1k/8/2P3P1/qP1Q3K/7P/8 w - - 0 1", "Rxf6+"),
    ("4R3/1qk2p2/8/1Q3B1p/P3P1p1/6P1/1P2N1KP/8 w - - 0 1", "Re7+"),
    ("n4k2/6RR/3p3P/3Pp1p1/1P2P3/6P1/8/2r1K3 w - - 0 1", "Kd2"),
    ("k7/1p6/p7/2p5/3r4/P4q1b/1P2QR1r/R3K3 b Q - 0 1", "Rh1+"),
    ("1R6/2p2p1k/5r2/3pQ1P1/3P4/3N2K1/r6P/8 w - - 0 1", "Qxf6"),
    ("4k3/pp3p2/2p1p1p1/8/4q3/1Pb5/K1R5/8 b - - 0 1", "Qxc2+"),
    ("3R4/4r3/3Q4/5k2/2p5/2P5/PP3KPP/8 w - - 0 1", "Qxe7"),
)

_RANDOM_PLIES = 8  # at the beginning of a game
_NODES = (6_000, 1_500)  # a move of the two sides


def is_mate_within(game: Game, state: np.void, plies: int) -> bool:
    """Whether the player to move mates in so many plies whatever is answered: all are tried."""
    outcomes = np.empty(1, np.int8)
    game.rules.prove(np.array([state], game.state_dtype), plies, outcomes)
    return bool(outcomes[0] == 1)


def mating_moves(game: Game, state: np.void, plies: int) -> list[int]:
    """The moves after which the opponent is mated within ``plies``, this one counted."""
    children = expand_children(game, np.array([state], game.state_dtype))
    outcomes = np.empty(len(children.states), np.int8)
    game.rules.prove(children.states, plies - 1, outcomes)
    return [int(action) for action in children.actions[outcomes == -1]]


def mates_from_play(game: Game, *, seed: int) -> Iterator[tuple[str, str]]:
    """Positions of own games with exactly one move that mates in three, and that move.

    At most one of a game. Found by the search, proven by trying everything.
    """
    random = np.random.default_rng(seed)
    engine = Engine(game=game)
    found = 0
    while True:
        engine.forget()
        states, seen = game.rules.initial(1), []
        while not states[0]["finished"]:
            ply = int(states[0]["ply"])
            action = int(random.choice(game.legal(states[0])))
            if ply >= _RANDOM_PLIES:
                engine.set_position(states[0])
                thought = engine.think(nodes=_NODES[(ply + found) % 2])
                action = thought.line[0]
                if PLIES <= (thought.plies_to_mate or 0) < 2 * PLIES + 2:
                    seen.append(states[0].copy())
            game.rules.step(states, np.array([action], np.int32))
        for state in seen:
            if is_mate_within(game, state, PLIES - 2) or not is_mate_within(game, state, PLIES):
                continue
            keys = mating_moves(game, state, PLIES)
            if len(keys) == 1:
                found += 1
                yield fen(position_of(state)), game.action_to_text(state, keys[0])
                break
