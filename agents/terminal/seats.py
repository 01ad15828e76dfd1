"""Who sits at the board: which engine moves for which player, how strongly, and who advises."""

from __future__ import annotations

from agents.terminal.engines import Opponent
from agents.terminal.strength import DEFAULT_LEVEL, FIXED, Strength
from games.game import NUM_PLAYERS, GameError

HUMAN = "human"

#: Hints and analysis take this part of the strongest level's simulations at least, however weakly
#: the engine plays.
_ADVICE_SHARE = 8


class SessionError(GameError):
    """Something that cannot be done in the session as it stands; one line for the user."""


class Seats:
    """The seats of both players, and that of the adviser.

    While a game is on the board, seats are changed through its session, which then knows late
    answers of an engine that has left; levels may be changed here at any time.

    Args:
        opponent: the engine that plays; None: people play each other.
        adviser: the engine that hints and analyses.
        rival: a second engine, which plays player 1 against ``opponent``; people watch.
        engine_players: which players the engine moves for; both where there is a rival.
        level: strength of the engine, 1 to ``len(levels)``; None: the usual one.
        custom: a strength that is none of its levels, instead of ``level``.
    """

    def __init__(
        self,
        *,
        opponent: Opponent | None,
        adviser: Opponent,
        engine_players: frozenset[int],
        rival: Opponent | None = None,
        level: int | None = None,
        custom: Strength | None = None,
    ) -> None:
        self.opponent = opponent
        self.adviser = adviser
        self.engine_players = engine_players if opponent is not None else frozenset()
        if rival is not None:
            self.engine_players = frozenset(range(NUM_PLAYERS))
        self.level = level or DEFAULT_LEVEL
        self._rival = rival
        self._custom = custom
        self._is_exchanged = False  # whether the rival plays player 0

    @property
    def is_watched(self) -> bool:
        """Whether two engines play each other."""
        return self._rival is not None

    @property
    def players(self) -> tuple[str, str]:
        """Who sits at the board and how strong they play, player 0 first."""
        first, second = (self._text(player) for player in range(NUM_PLAYERS))
        return first, second

    def _text(self, player: int) -> str:
        engine = self.engine_of(player)
        if engine is None:
            return HUMAN
        if not engine.levels:
            return engine.name
        if self._custom is not None:
            return f"{engine.name}, {self._custom.text}"
        return f"{engine.name}, level {self.level}"

    def engine_of(self, player: int) -> Opponent | None:
        """Who moves for a player; None: a person does."""
        if player not in self.engine_players:
            return None
        if self._rival is not None and (player == 1) != self._is_exchanged:
            return self._rival
        return self.opponent

    # --- Strength -----------------------------------------------------------------------------

    @property
    def strength(self) -> Strength | None:
        """How the engine plays now; None: it has one way only."""
        if self.opponent is None or not self.opponent.levels:
            return None
        return self.strength_of(self.opponent)

    def strength_of(self, engine: Opponent) -> Strength:
        """How one of the players thinks now."""
        if not engine.levels:
            return FIXED
        return self._custom or engine.levels[min(self.level, len(engine.levels)) - 1]

    def advice_strength(self) -> Strength:
        """How the adviser thinks; where it also plays, no less than as a player."""
        levels = self.adviser.levels
        if not levels:
            return FIXED
        simulations = max(1, levels[-1].simulations // _ADVICE_SHARE)
        if self.opponent is self.adviser:
            simulations = max(simulations, self.strength_of(self.adviser).simulations)
        return Strength(simulations=simulations)

    def set_level(self, level: int) -> None:
        """Make the engine play at another of its levels, from its next move on.

        Raises:
            SessionError: it has no such level.
        """
        if self.opponent is None:
            raise SessionError("people play each other; there is no strength to set")
        count = len(self.opponent.levels)
        if count == 0:
            raise SessionError(f"{self.opponent.name} plays at one strength only")
        if not 1 <= level <= count:
            raise SessionError(f"strength {level} is not between 1 and {count}")
        self.level = level
        self._custom = None

    # --- Changes of seat ----------------------------------------------------------------------

    def exchange(self) -> None:
        """The engine takes the other side of the board; two engines change places.

        Raises:
            SessionError: no engine plays.
        """
        if self.opponent is None:
            raise SessionError("nobody to change sides with: people play each other")
        if self.is_watched:
            self._is_exchanged = not self._is_exchanged
        else:
            self.engine_players = frozenset(range(NUM_PLAYERS)) - self.engine_players

    def leave_to_people(self) -> None:
        """No engine moves any more."""
        self._rival = None
        self.engine_players = frozenset()
