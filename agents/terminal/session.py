"""A game between people and an engine, without any terminal: what both ways of playing share.

The session is owned by one thread. Only the engine runs elsewhere: ``request_reply`` and
``request_thought`` hand the position to a thread of its own and return a future; its answer changes
the session when it is given back with ``accept``, and only if it is still about the position on
the board.
"""

from __future__ import annotations

import datetime
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from agents.agent import Agent, Decisions
from agents.records.files import save_game
from agents.records.record import (
    GameRecord,
    Replay,
    position_text,
    read_position,
    result_of,
)
from agents.terminal.engines import Engines, Opponent
from agents.terminal.seats import Seats, SessionError
from agents.terminal.strength import Strength, settle
from agents.terminal.thought import Thought, read_analysis, settled_thought
from games.game import Game, GameError, IllegalMoveError

#: Legal moves that a message lists.
_MOST_LISTED = 40

#: Enough to compile and open all that a longer search needs.
_WARM_UP_SIMULATIONS = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """What the engine made of one position."""

    revision: int  # of the session when it was asked
    action: int
    thought: Thought | None  # None: an engine that has nothing to say
    is_reply: bool  # to be played, not only looked at
    ply: int  # of the position


class Session:
    """One sitting at the board; new games, take-backs and changes of side belong to it.

    Args:
        game: what is played.
        seats: who plays and advises, and how strongly.
        seed: of the draws that weak levels make.
        actions: moves already played, as from a saved game; they are trusted to be legal.
        start: the position that they begin in; None: the game's own start.
    """

    def __init__(
        self,
        game: Game,
        seats: Seats,
        *,
        seed: int = 0,
        actions: tuple[int, ...] = (),
        start: np.void | None = None,
    ) -> None:
        self.game = game
        self.seats = seats
        self.seed = seed
        self.revision = 0
        self._games = 0
        self._engines = Engines()
        self._thoughts: dict[int, Thought] = {}
        self._advised: set[int] = set()
        self._begin(start, actions)

    # --- What is on the board ---------------------------------------------------------------

    @property
    def state(self) -> np.void:
        """The position on the board; not to be written to."""
        return self._states[-1]

    @property
    def states(self) -> tuple[np.void, ...]:
        """Every position of the game, the start position first."""
        return tuple(self._states)

    @property
    def actions(self) -> tuple[int, ...]:
        """The moves played."""
        return tuple(self._actions)

    @property
    def is_finished(self) -> bool:
        """Whether the game is over."""
        return bool(self.state["finished"])

    @property
    def is_engine_to_move(self) -> bool:
        """Whether a reply is due."""
        return not self.is_finished and int(self.state["to_play"]) in self.seats.engine_players

    @property
    def legal(self) -> list[int]:
        """Actions that can be played now."""
        return self.game.legal(self.state)

    @property
    def legal_texts(self) -> list[str]:
        """Moves that can be played now, in the game's notation."""
        return [self.game.action_to_text(self.state, action) for action in self.legal]

    @property
    def move_texts(self) -> list[str]:
        """The moves played, in the game's notation."""
        return [
            self.game.action_to_text(state, action)
            for state, action in zip(self._states, self._actions, strict=False)
        ]

    @property
    def result_text(self) -> str:
        """How the game ended, from the view of who plays it; empty while it goes on."""
        if not self.is_finished:
            return ""
        returns = self.state["returns"]
        if returns[0] == returns[1]:
            return "The game is a draw."
        winner = int(np.argmax(returns))
        if len(self.seats.engine_players) != 1:
            name = self.game.board_view(self.state).player_names[winner]
            return f"{name} wins."
        return "The engine wins." if winner in self.seats.engine_players else "You win!"

    def thought_at(self, ply: int) -> Thought | None:
        """What the engine thought of the position after ``ply`` moves; exact where it is over."""
        if self._states[ply]["finished"]:
            return settled_thought(self._states[ply])
        return self._thoughts.get(ply)

    def has_advice_at(self, ply: int) -> bool:
        """Whether the adviser itself has thought of a position, and not a weaker opponent."""
        return ply in self._advised and ply in self._thoughts

    # --- What people do -----------------------------------------------------------------------

    def play(self, action: int) -> None:
        """Play a move for the side to move.

        Raises:
            IllegalMoveError: it cannot be played; the message lists what can.
        """
        if self.is_finished:
            raise IllegalMoveError("the game is over; start a new one or take a move back")
        if action not in self.legal:
            legal = self._legal_text(self.state)
            raise IllegalMoveError(f"that move cannot be played here; legal: {legal}")
        self._step(action)

    def play_text(self, text: str) -> None:
        """Play a move that is given in the game's notation.

        Raises:
            GameError: it cannot be read or not be played; the message lists the legal moves.
        """
        self.play(self.read_move(text))

    def read_move(self, text: str, *, ply: int | None = None) -> int:
        """The action of a move in the game's notation, in the position after ``ply`` moves.

        Raises:
            GameError: it cannot be read or not be played; the message lists the legal moves.
        """
        state = self.state if ply is None else self._states[ply]
        if state["finished"]:
            raise IllegalMoveError("the game is over; start a new one or take a move back")
        try:
            return self.game.text_to_action(state, text)
        except GameError as error:
            message = str(error)
            if "legal" not in message:
                message += f"; legal: {self._legal_text(state)}"
            raise type(error)(message) from error

    def _legal_text(self, state: np.void) -> str:
        """What can be played, as long as that is a line."""
        legal = self.game.legal(state)
        if len(legal) > _MOST_LISTED:
            return f"{len(legal)} moves"
        return " ".join(self.game.action_to_text(state, action) for action in legal)

    def take_back(self) -> int:
        """Go back to where a person last chose a move; returns how many plies that was.

        Where two engines play, that is one ply.

        Raises:
            SessionError: no person has moved yet.
        """
        for count in range(1, len(self._actions) + 1):
            mover = int(self._states[-1 - count]["to_play"])
            if mover not in self.seats.engine_players or self.seats.is_watched:
                break
        else:
            raise SessionError("there is no move of yours to take back")
        self.go_back_to(len(self._actions) - count)
        return count

    def go_back_to(self, ply: int) -> None:
        """Take back everything after ``ply`` moves."""
        for each in range(ply + 1, len(self._states)):
            self._thoughts.pop(each, None)
        del self._states[ply + 1 :], self._actions[ply:]
        self.revision += 1

    def set_up(self, text: str) -> None:
        """Begin a game elsewhere; sides and strength stay.

        Args:
            text: a position (FEN, SFEN or the drawn board, ``|`` for its line ends), or moves
                from the start, parted by spaces, or nothing for the usual start.

        Raises:
            SessionError: it is neither; the game on the board goes on.
        """
        start, actions = self._read_setup(text)
        self._thoughts.clear()
        self._games += 1
        self.revision += 1
        self._begin(start, actions)

    def _read_setup(self, text: str) -> tuple[np.void | None, tuple[int, ...]]:
        """The start and the moves that a text means."""
        words = text.split()
        if not words:
            return None, ()
        try:
            return read_position(self.game, text), ()
        except GameError as error:
            no_position = error
        replay = Replay(self.game)
        try:
            for word in words:
                replay.play(word)
        except GameError as error:
            # The longer a text is read as one of the two, the likelier that is what was meant.
            why: GameError = error if replay.actions or len(words[0]) <= 5 else no_position
            raise SessionError(f"no position and no moves: {why}") from None
        if replay.left_out:
            raise SessionError(f"the game is over after {len(replay.actions)} of these moves")
        return None, tuple(replay.actions)

    @property
    def setup_text(self) -> str:
        """The position on the board as a text that ``set_up`` reads."""
        return position_text(self.game, self.state)

    def switch_sides(self) -> None:
        """The engine takes the other side of the board.

        Raises:
            SessionError: no engine plays.
        """
        self.seats.exchange()
        self.revision += 1

    def new_game(self) -> None:
        """Clear the board; sides and strength stay, and the position that was set up."""
        del self._states[1:], self._actions[:]
        self._thoughts.clear()
        self._games += 1
        self.revision += 1

    def dismiss_engine(self) -> None:
        """People move for both sides from now on, because the engine cannot."""
        self.seats.leave_to_people()
        self.revision += 1

    # --- The engine -----------------------------------------------------------------------------

    def warm_up(self) -> Future[Decisions]:
        """Load the engine in its thread while people look at the board.

        It thinks once, briefly, about the start position.
        """
        engine, strength = self.seats.adviser, self.seats.advice_strength()
        if self.seats.opponent is not None:
            engine, strength = self.seats.opponent, self.seats.strength_of(self.seats.opponent)
        simulations = min(strength.simulations, _WARM_UP_SIMULATIONS)
        start, brief = _copy(self._states[0]), replace(strength, simulations=simulations)
        if start["finished"]:
            start = _copy(self.game.rules.initial(1)[0])
        return self._engines.ask(engine, brief, lambda agent: agent.choose_one(start))

    def request_reply(self) -> Future[Answer]:
        """Ask for the engine's move.

        Raises:
            SessionError: it is not the engine's turn.
        """
        engine = self.seats.engine_of(int(self.state["to_play"]))
        if engine is None or not self.is_engine_to_move:
            raise SessionError("it is not the engine's turn")
        strength = self.seats.strength_of(engine)
        return self._request(engine, strength, ply=len(self._actions), is_reply=True)

    def request_thought(self, ply: int | None = None) -> Future[Answer]:
        """Ask what the adviser thinks of a position, and what it would play.

        Args:
            ply: after how many moves of the game; None: the position on the board.

        Raises:
            SessionError: the game is over there.
        """
        ply = len(self._actions) if ply is None else ply
        if self._states[ply]["finished"]:
            raise SessionError("the game is over; there is nothing left to think about")
        seats = self.seats
        return self._request(seats.adviser, seats.advice_strength(), ply=ply, is_reply=False)

    def accept(self, answer: Answer) -> bool:
        """Use an answer: keep its thought and play its move if it is a reply.

        Returns:
            False: the board has changed since it was asked for, and nothing was done.
        """
        if answer.revision != self.revision:
            return False
        if answer.thought is not None:
            if answer.is_reply:
                self._advised.discard(answer.ply)
            else:
                self._advised.add(answer.ply)
            self._thoughts[answer.ply] = answer.thought
        if answer.is_reply:
            self._step(answer.action)
        return True

    def take_remarks(self) -> list[str]:
        """What was said while engines were loaded, since this was last asked."""
        return self._engines.take_remarks()

    def close(self) -> None:
        """Let go of the engine. The session is not used afterwards."""
        self._engines.close()

    # --- Keeping games ----------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write the game to a file; the session is the same afterwards, saved or not.

        Args:
            path: its ending chooses the format, see ``agents.records``.

        Raises:
            RecordError: the file cannot be written, or its format cannot hold the game.
        """
        save_game(path, self.record())

    def record(self) -> GameRecord:
        """The game as it stands, to be written to a file."""
        return GameRecord(
            game=self.game,
            actions=self.actions,
            start=self._start,
            players=self.seats.players,
            date=datetime.datetime.now().strftime("%Y-%m-%d %H:%M:%S"),
            result=result_of(self.state),
        )

    # --- Inside ---------------------------------------------------------------------------------

    def _begin(self, start: np.void | None, actions: tuple[int, ...]) -> None:
        """Clear the board, and play the moves that are known."""
        self._start = _copy(start) if start is not None else None
        self._states = [_copy(self.game.rules.initial(1)[0] if start is None else start)]
        self._actions: list[int] = []
        for action in actions:
            self._step(action)

    def _step(self, action: int) -> None:
        states = np.array([self.state], self.game.state_dtype)
        self.game.rules.step(states, np.array([action], np.int32))
        self._states.append(_copy(states[0]))
        self._actions.append(action)
        self.revision += 1

    def _request(
        self, engine: Opponent, strength: Strength, *, ply: int, is_reply: bool
    ) -> Future[Answer]:
        revision, state = self.revision, _copy(self._states[ply])

        def think(agent: Agent) -> Answer:
            decisions = agent.choose_one(state)
            analysis = decisions.analysis
            return Answer(
                revision=revision,
                action=settle(strength, decisions, 0, rng=self._rng(ply)),
                thought=read_analysis(self.game, state, analysis) if analysis is not None else None,
                is_reply=is_reply,
                ply=ply,
            )

        return self._engines.ask(engine, strength, think)

    def _rng(self, ply: int) -> np.random.Generator:
        """What a weak level draws from: another one in every game and for every move."""
        return np.random.default_rng((self.seed, self._games, ply))


def _copy(state: np.void) -> np.void:
    """A record that no array can change any more."""
    return state.copy()
