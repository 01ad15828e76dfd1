"""What is pointed out on the board: dots, frames and corners, from the game and what is held."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.terminal.board_view import Targets, last_left, last_placed
from agents.terminal.pointing import Pointing
from agents.terminal.session import Session
from games.game import BoardView
from games.raster import GRID, HINT, LIGHT, PLAYERS, Cell, Colour, Marks, is_drawn

_LEFT: Colour = (120, 132, 165)  # where the last move came from


@dataclass(frozen=True, slots=True)
class BoardMarks:
    """Everything that is drawn on a board beside its pieces."""

    marks: Marks = field(default_factory=Marks)  # for boards where pieces are placed
    frames: dict[Cell, Colour] = field(default_factory=dict)  # around a square
    corners: dict[Cell, Colour] = field(default_factory=dict)  # of a square


def board_marks(
    session: Session,
    view: BoardView,
    pointing: Pointing,
    *,
    ply: int,
    hint: int | None,
    drops: bool,
) -> BoardMarks:
    """Marks of the position after ``ply`` moves.

    Args:
        session: the game.
        view: the position.
        pointing: what can be played there and what is held.
        ply: which position of the game it is.
        hint: an action to point out.
        drops: as in ``board_pixels``.
    """
    states = session.states[: ply + 1]
    targets, mover = pointing.targets, int(states[-1]["to_play"])
    placed, left = last_placed(session.game, states), last_left(session.game, states)
    frames: dict[Cell, Colour] = {}
    corners: dict[Cell, Colour] = {}
    if left:
        frames |= dict.fromkeys(left, _LEFT)
    if left or any(not is_drawn(view.pieces[r][c], drops=drops) for r, c in placed):
        frames |= dict.fromkeys(placed, LIGHT)
    for row, column in pointing.dots:
        if view.pieces[row][column]:
            corners[row, column] = PLAYERS[mover]
    corners |= {cell: colour for cell, colour in _movable(pointing).items() if cell not in frames}
    if pointing.held is not None and not isinstance(pointing.held, str):
        frames[pointing.held] = HINT
    hinted = _hinted(targets, hint, frames)
    return BoardMarks(
        marks=Marks(
            last=() if frames else placed,
            deciding=view.deciding,
            legal=pointing.dots,
            hinted=hinted,
            mover=mover,
        ),
        frames=frames,
        corners=corners,
    )


def _movable(pointing: Pointing) -> dict[Cell, Colour]:
    return dict.fromkeys(pointing.movable, GRID)


def _hinted(targets: Targets, hint: int | None, frames: dict[Cell, Colour]) -> tuple[Cell, ...]:
    """Squares with a ring for the hint; a piece that should move is framed."""
    if hint is None:
        return ()
    origin, landing = targets.origins.get(hint), targets.landing.get(hint, ())
    if origin is None:
        return landing
    frames |= dict.fromkeys(landing, HINT)
    if not isinstance(origin, str):
        frames[origin] = HINT
    return ()
