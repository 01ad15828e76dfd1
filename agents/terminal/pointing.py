"""What pointing at squares means: a piece is set down, or taken up and then set down.

A small machine without any screen: it is shown what can be played, told what is pointed at, and
answers with the action once that can be no other.
"""

from __future__ import annotations

from dataclasses import dataclass

from agents.terminal.board_view import NO_TARGETS, Origin, Targets
from games.raster import Cell


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of pointing at something."""

    action: int | None = None  # to be played
    missed: bool = False  # nothing can be done there


class Pointing:
    """What is taken up, and what has to be chosen between."""

    def __init__(self) -> None:
        self.targets: Targets = NO_TARGETS
        self.held: Origin | None = None  # the piece that is taken up
        self.choices: tuple[int, ...] = ()  # actions that look the same on the board: promotions

    def show(self, targets: Targets) -> None:
        """Another position: nothing is held any more."""
        self.targets = targets
        self.clear()

    def clear(self) -> None:
        """Put down what is held."""
        self.held, self.choices = None, ()

    def point(self, place: Origin) -> Outcome:
        """Point at a square, or at a piece in hand."""
        self.choices = ()
        ways = self.targets.moves.get(self.held, {}) if self.held is not None else {}
        if not isinstance(place, str) and place in ways:
            return self.offer(ways[place])
        if place in self.targets.moves and place != self.held:
            self.held = place
            return Outcome()
        if self.held is not None:
            self.held = None
            return Outcome()
        if not isinstance(place, str) and place in self.targets.by_cell:
            return Outcome(action=self.targets.by_cell[place])
        return Outcome(missed=True)

    def take_next_in_hand(self) -> bool:
        """Take up the next piece in hand that can be dropped; False: there is none."""
        letters = sorted(each for each in self.targets.moves if isinstance(each, str))
        if letters:
            at = letters.index(self.held) + 1 if self.held in letters else 0
            self.held = letters[at % len(letters)]
        return bool(letters)

    def offer(self, actions: tuple[int, ...]) -> Outcome:
        """Play the one action, or have it chosen between several."""
        if len(actions) == 1:
            return Outcome(action=actions[0])
        self.choices = actions
        return Outcome()

    def choose(self, number: int) -> Outcome:
        """Take one of the choices, counted from 1."""
        if 1 <= number <= len(self.choices):
            return Outcome(action=self.choices[number - 1])
        return Outcome(missed=True)

    @property
    def dots(self) -> frozenset[Cell]:
        """Squares to be marked: where the held piece may go, or where a piece may be placed."""
        if self.held is not None:
            return frozenset(self.targets.moves.get(self.held, {}))
        return frozenset(
            cell
            for action, cells in self.targets.landing.items()
            if action not in self.targets.origins
            for cell in cells
        )

    @property
    def movable(self) -> frozenset[Cell]:
        """Squares with a piece that can be taken up; empty while one is held."""
        if self.held is not None:
            return frozenset()
        return frozenset(each for each in self.targets.moves if not isinstance(each, str))
