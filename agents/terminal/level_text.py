"""Levels as lines of text, for the list in the application and for the plain mode."""

from __future__ import annotations

from collections.abc import Sequence

from agents.terminal.strength import Strength


def levels_heading(levels: Sequence[Strength]) -> str:
    """What the numbers beside levels mean."""
    if any(each.rating for each in levels):
        return "Level and Elo (0 plays at random; 95 % interval)"
    return "Levels (how strong they are was not measured in this game)"


def level_line(number: int, strength: Strength) -> str:
    """One level as people read it."""
    rating = f"{strength.rating.text:<26}" if strength.rating is not None else ""
    return f"{number:2d}  {rating}{strength.text}"


def level_said(number: int, strength: Strength) -> str:
    """The level that is played, in a sentence without its end."""
    rating = f"{strength.rating.text}; " if strength.rating is not None else ""
    return f"Level {number}: {rating}{strength.text}"
