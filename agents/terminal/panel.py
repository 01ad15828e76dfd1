"""What stands beside the board: who plays, what the engine thinks, how the game went."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.style import Style
from rich.table import Table
from rich.text import Text

from agents.terminal.mistakes import Mistake
from agents.terminal.move_squares import pieces_in_hand
from agents.terminal.seats import HUMAN
from agents.terminal.session import Session
from agents.terminal.thought import MoveThought, Thought
from games.raster import BACKGROUND, PLAYERS, Colour

WIDTH = 36  # characters, margins included
_INNER = WIDTH - 3
_DRAW: Colour = (98, 110, 138)
_EMPTY: Colour = (32, 40, 60)
_MUTED = "rgb(130,142,170)"
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LOWER_EIGHTHS = " ▁▂▃▄▅▆▇█"


def rgb(colour: Colour) -> str:
    """A colour in Rich's notation."""
    return f"rgb({colour[0]},{colour[1]},{colour[2]})"


def players_text(session: Session, state: np.void) -> Text:
    """Both players with their colours; an arrow at the one to move in ``state``."""
    names = session.game.board_view(state).player_names
    text = Text(no_wrap=True, overflow="ellipsis")
    for player, (name, who) in enumerate(zip(names, session.seats.players, strict=True)):
        to_move = not state["finished"] and int(state["to_play"]) == player
        text.append("▸ " if to_move else "  ", style="bold")
        text.append("● ", style=rgb(PLAYERS[player]))
        text.append(f"{name}  ", style="bold")
        seat = "you" if who == HUMAN and session.seats.engine_players else who
        text.append(seat, style="" if to_move else _MUTED)
        text.append("\n" if player == 0 else "")
    return text


def chances_text(thought: Thought | None, names: tuple[str, str]) -> Text:
    """Win, draw and loss as one bar, player 0 from the left, and as numbers."""
    if thought is None:
        text = Text(" " * _INNER, style=Style(bgcolor=rgb(_EMPTY)))
        return text.append("\n").append("no opinion yet", style=f"{_MUTED} on {rgb(BACKGROUND)}")
    shares = (thought.win_chances[0], thought.draw_chance, thought.win_chances[1])
    colours = (PLAYERS[0], _DRAW, PLAYERS[1])
    text = Text(no_wrap=True)
    for width, colour in zip(whole_shares(shares, _INNER), colours, strict=True):
        text.append("█" * width, style=rgb(colour))
    text.append("\n")
    first, draw, second = whole_shares(shares, 100)
    left, middle, right = f"{names[0]} {first} %", f"draw {draw} %", f"{names[1]} {second} %"
    gap = max(2, _INNER - len(left) - len(middle) - len(right))
    text.append(left, style=f"bold {rgb(PLAYERS[0])}").append(" " * (gap // 2))
    text.append(middle, style=_MUTED).append(" " * (gap - gap // 2))
    return text.append(right, style=f"bold {rgb(PLAYERS[1])}")


def line_text(thought: Thought | None) -> Text:
    """The best line, each move in its player's colour as far as players alternate."""
    text = Text("Best line  ", style=f"bold {_MUTED}", no_wrap=True, overflow="ellipsis")
    if thought is None:
        return text
    for index, move in enumerate(thought.line):
        text.append(f"{move} ", style=f"not bold {rgb(PLAYERS[(thought.mover + index) % 2])}")
    return text


def moves_table(thought: Thought | None, *, rows: int) -> Table:
    """Candidate moves: share of the engine's choice as a bar, visits, win chance."""
    table = Table(box=None, padding=(0, 1, 0, 0), expand=True, header_style=_MUTED)
    table.add_column("move", justify="right", no_wrap=True)
    table.add_column("choice", ratio=1, no_wrap=True)
    table.add_column("visits", justify="right", no_wrap=True)
    table.add_column("win", justify="right", no_wrap=True)
    if thought is None:
        return table
    for index, move in enumerate(thought.moves[:rows]):
        strong = "bold" if index == 0 else ""
        table.add_row(
            Text(move.text, style=strong),
            Text(_bar(move.share, 11), style=rgb(PLAYERS[thought.mover])),
            Text(_visits(move), style=strong or _MUTED),
            Text(_win(thought, move), style=strong),
        )
    return table


def strip_text(expectations: Sequence[float | None], *, width: int, height: int) -> Text:
    """The game so far: expected score of player 0 after every ply, as columns.

    Args:
        expectations: one for each position, 0..1; None where nothing was thought of it, drawn
            like the position before.
        width: characters; a longer game is thinned to fit, its last position is always shown.
        height: characters, in eighths of which the columns are drawn.
    """
    values: list[float | None] = []
    for value in expectations:
        values.append(value if value is not None else (values[-1] if values else None))
    if len(values) > width:
        values = [values[round(i * (len(values) - 1) / (width - 1))] for i in range(width)]
    stretch = max(1, min(3, width // max(1, len(values))))
    values = [value for value in values for _ in range(stretch)]
    values += [None] * (width - len(values))
    text = Text(no_wrap=True)
    for row in range(height):
        for value in values[:width]:
            if value is None:
                text.append(" ", style=f"on {rgb(_EMPTY)}")
                continue
            # Player 0 grows from below, player 1 hangs from above.
            eighths = round(value * height * 8) - 8 * (height - 1 - row)
            block = _LOWER_EIGHTHS[max(0, min(8, eighths))]
            text.append(block, style=f"{rgb(PLAYERS[0])} on {rgb(PLAYERS[1])}")
        text.append("\n" if row + 1 < height else "")
    return text


def mark_strip(plies: int, *, width: int, shown: int, mistakes: Sequence[Mistake]) -> Text:
    """The line under the strip: where we are in the game, and where its biggest mistakes were.

    Args:
        plies: positions of the game.
        width: characters.
        shown: the position on the board.
        mistakes: each is marked at the position after it.
    """
    cells = [" "] * width
    colours = [_MUTED] * width
    stretch = max(1, min(3, width // max(1, plies)))

    def place(ply: int) -> int:
        return round(ply * (width - 1) / (plies - 1)) if plies > width else ply * stretch

    for each in mistakes:
        cells[place(each.ply + 1)], colours[place(each.ply + 1)] = "▲", rgb(PLAYERS[each.mover])
    if shown + 1 < plies:
        cells[place(shown)], colours[place(shown)] = "┃", "white"
    text = Text(no_wrap=True)
    for cell, colour in zip(cells, colours, strict=True):
        text.append(cell, style=colour)
    return text


def mistakes_text(mistakes: Sequence[Mistake], *, current: int) -> Text:
    """The biggest mistakes, one a line; the one before the position shown is bold."""
    text = Text(no_wrap=True, overflow="ellipsis")
    for index, each in enumerate(mistakes):
        style = "bold" if each.ply == current else ""
        text.append("\n" if index else "")
        text.append(f"{each.number}{each.text} ", style=f"{style} {rgb(PLAYERS[each.mover])}")
        text.append(f"-{100 * each.loss:.0f} %, better {each.better}", style=style or _MUTED)
    return text


def hand_text(
    session: Session, state: np.void, player: int, *, held: str | None, can_drop: bool
) -> Text:
    """Pieces in a player's hand; those that can be dropped are clicked to take them up."""
    text = Text(no_wrap=True)
    hands = pieces_in_hand(session.game, state)
    if hands is None:
        return text
    names = session.game.board_view(state).player_names
    text.append(f"{names[player]} holds ", style=_MUTED)
    for letter, count in hands[player].items():
        style = Style(color=rgb(PLAYERS[player]), bold=True, reverse=letter == held)
        if can_drop:
            style += Style(meta={"@click": f"app.take_up('{letter}')"})
        text.append(f" {letter}{f'x{count}' if count > 1 else ''} ", style=style)
    if not hands[player]:
        text.append("nothing", style=_MUTED)
    return text


def choices_text(choices: Sequence[tuple[int, str]], *, question: str) -> Text:
    """Moves that have no square of their own, to be clicked or chosen by number."""
    text = Text(no_wrap=True)
    if not choices:
        return text
    text.append(f"{question} ", style=_MUTED)
    for number, (action, name) in enumerate(choices, start=1):
        style = Style(bold=True, reverse=True, meta={"@click": f"app.play_action({action})"})
        label = f" {number} {name} " if question else f" {name} "
        text.append(label, style=style).append(" ")
    return text


def whole_shares(shares: Sequence[float], total: int) -> list[int]:
    """Whole numbers in proportion to ``shares`` that sum to ``total`` (largest remainders)."""
    scaled = [share * total for share in shares]
    whole = [int(value) for value in scaled]
    order = sorted(range(len(whole)), key=lambda i: whole[i] - scaled[i])
    for index in order[: total - sum(whole)]:
        whole[index] += 1
    return whole


def _bar(share: float, width: int) -> str:
    """A horizontal bar with eighths of a character."""
    eighths = round(share * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width)


def _win(thought: Thought, move: MoveThought) -> str:
    return f"{100 * move.win_chance:.0f} %" if thought.has_judged(move) else "-"


def _visits(move: MoveThought) -> str:
    return f"{move.visits}" if move.visits else "-"
