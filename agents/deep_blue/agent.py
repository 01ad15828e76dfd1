"""Deep Blue as a player: the book while it knows the position, brute force, then the tables.

Source: Campbell, Hoane and Hsu 2002, "Deep Blue", Artificial Intelligence 134.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import numpy as np

from agents.agent import Agent, AgentError, Analysis, Decisions
from agents.choice import legal_slots
from agents.deep_blue.book import Book, read_book
from agents.deep_blue.engine import UNLIMITED, Engine, Thought
from agents.deep_blue.kernels.search import MATE, MOST_PLIES
from agents.exact.chess_solver import ChessSolver
from agents.exact.chess_tables import ChessTables, all_materials
from agents.exact.solver import SolvedMoves
from games.game import UNPROVEN, Game, States

DEFAULT_NODES = 100_000
#: With so few men on the board, all tables that have been computed are loaded.
_TABLES_NEAR = 8
_ELO_SCALE = 400  # hundredths of a pawn for a win chance of 10 to 1
_SETTINGS = re.compile(r"deep_blue(?::(?P<nodes>[^()]*)|\((?P<settings>[^()]*)\))?")


class DeepBlueAgent(Agent):
    """Plays chess by alpha-beta between a book and endgame tables.

    Args:
        game: a chess game.
        nodes: positions to search a move.
        depth: at most so many plies.
        book: asked first; None for no book.
        tables: endgame tables; None for none.
        seed: of the choice among the book's moves, by their weights.
        name: how the agent is called in results.
    """

    def __init__(
        self,
        *,
        game: Game,
        nodes: int = DEFAULT_NODES,
        depth: int = MOST_PLIES - 1,
        book: Book | None = None,
        tables: ChessTables | None = None,
        seed: int = 0,
        name: str = "deep_blue",
    ) -> None:
        super().__init__(name=name, game=game, seed=seed)
        if game.name != "chess":
            raise AgentError(f"deep_blue plays chess, not {game.id}; alpha_beta:5 plays it")
        self.nodes, self.depth = nodes, depth
        self._book = book
        self._tables = tables
        self.engine = Engine(game=game, tables=tables)
        self._solver = ChessSolver(game=game, tables=tables, may_compute=False) if tables else None

    def reset(self, *, seed: int) -> None:
        """Forget what was searched."""
        super().reset(seed=seed)
        self.engine.forget()

    def known(self, state: np.void) -> Thought | None:
        """What the book or the tables say of an unfinished position."""
        for find in (self._from_book, self._from_tables):
            thought = find(state)
            if thought is not None:
                return thought
        return None

    def think(self, state: np.void) -> Thought:
        """The move for one unfinished position with what was found about it."""
        if known := self.known(state):
            return known
        self.engine.set_position(state)
        return self.engine.think(nodes=self.nodes, depth=self.depth)

    def _choose(self, states: States) -> Decisions:
        thoughts = [self.think(state) for state in states]
        legal, counts = legal_slots(self.game, states)
        actions = np.array([thought.line[0] for thought in thoughts], np.int32)
        chosen = legal == actions[:, None]
        values = np.array([value_of(thought) for thought in thoughts], np.float32)
        mates = np.array([(thought.plies_to_mate or 0) > 0 for thought in thoughts])
        return Decisions(
            actions=actions,
            analysis=Analysis(
                legal=legal,
                counts=counts,
                policies=chosen.astype(np.float32),
                visits=np.zeros(legal.shape, np.int32),
                q_values=np.where(chosen, values[:, None], 0).astype(np.float32),
                values=values,
                draws=np.zeros(len(states), np.float32),
                # A mate that was found is one; losses rest on moves that were left out.
                proven=np.where(mates, 1, UNPROVEN).astype(np.int8),
                lines=tuple(thought.line for thought in thoughts),
            ),
        )

    def _from_book(self, state: np.void) -> Thought | None:
        """One of the book's moves, by weight."""
        moves = self._book.moves(self.game, state) if self._book else []
        weights = np.array([move.weight for move in moves], float)
        if not weights.sum():
            return None
        random = np.random.default_rng([self.seed, int(state["key"])])
        pick = int(random.choice(len(moves), p=weights / weights.sum()))
        return Thought(line=(moves[pick].action,), score=0, depth=0, nodes=0)

    def _from_tables(self, state: np.void) -> Thought | None:
        """The fastest mate, or the longest resistance, where the tables know the position."""
        if self._tables is None or self._solver is None:
            return None
        if int(np.bitwise_or.reduce(state["kinds"])).bit_count() <= _TABLES_NEAR:
            self._load_tables(self._tables)
        if not self._solver.knows(state):
            return None
        solved = self._solver.moves(state)
        # Among drawn moves the search finds one that is hard to meet.
        return _thought_of(solved) if solved.outcome else None

    @staticmethod
    def _load_tables(tables: ChessTables) -> None:
        """All that were computed before, and those of three men, which take no time."""
        tables.load_kept()
        for material in all_materials(3):
            tables.need(material)


def _thought_of(solved: SolvedMoves) -> Thought:
    """The best move of a position that the tables know."""
    best = int(solved.scores.argmax())
    score = MATE - int(solved.plies[best])
    return Thought(
        line=(int(solved.actions[best]),),
        score=score if solved.outcome > 0 else -score,
        depth=0,
        nodes=0,
    )


def value_of(thought: Thought) -> float:
    """A score as a value in -1..+1, by the odds that Elo gives a lead."""
    return 2 / (1 + 10 ** (-max(-4_000, min(thought.score, 4_000)) / _ELO_SCALE)) - 1


@lru_cache(maxsize=1)
def shared_tables() -> ChessTables:
    """The tables of the user's cache folder, in memory once for all agents of this process."""
    return ChessTables()


def deep_blue_agent(text: str, *, game: Game, seed: int = 0) -> DeepBlueAgent:
    """The agent that a text names.

    Args:
        text: ``deep_blue``, ``deep_blue:200000`` (positions a move), or
            ``deep_blue(nodes=200000,depth=8,book=PATH,tables=off)`` with some of these settings.
        game: a chess game.
        seed: of the choice among the book's moves.

    Raises:
        AgentError: the text cannot be read, the book neither, or the game is not chess.
    """
    match = _SETTINGS.fullmatch(text)
    if not match:
        raise AgentError(f"{text!r}: write deep_blue, deep_blue:NODES or deep_blue(depth=8,...)")
    nodes, depth, book, tables = DEFAULT_NODES, MOST_PLIES - 1, None, True
    if match["nodes"] is not None:
        nodes = _whole_number("nodes", match["nodes"], text)
    for setting in filter(str.strip, (match["settings"] or "").split(",")):
        name, _, value = (part.strip() for part in setting.partition("="))
        if name == "nodes":
            nodes = _whole_number(name, value, text)
        elif name == "depth":
            depth = min(_whole_number(name, value, text), MOST_PLIES - 1)
            nodes = UNLIMITED if "nodes" not in text else nodes
        elif name == "book":
            book = read_book(Path(value).expanduser())
        elif name == "tables" and value in ("on", "off"):
            tables = value == "on"
        else:
            raise AgentError(
                f"{text!r}: {setting.strip()!r} is no setting; there are nodes=200000, depth=8, "
                "book=PATH and tables=off"
            )
    return DeepBlueAgent(
        game=game,
        nodes=nodes,
        depth=depth,
        book=book,
        tables=shared_tables() if tables else None,
        seed=seed,
        name=text,
    )


def _whole_number(name: str, value: str, text: str) -> int:
    if not (value.isascii() and value.isdigit() and 0 < len(value) < 13 and int(value)):
        raise AgentError(f"{text!r}: {name} needs a whole number from 1 on, not {value!r}")
    return int(value)
