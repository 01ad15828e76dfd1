"""The biggest mistakes of a game: moves after which the mover's expected score had fallen."""

from __future__ import annotations

from dataclasses import dataclass

from agents.terminal.session import Session

#: Less is what two searches of the same strength differ by anyway.
SMALLEST_LOSS = 0.05
_MOST = 8


@dataclass(frozen=True, slots=True)
class Mistake:
    """A move that gave something away."""

    ply: int  # moves before it
    mover: int
    text: str  # as it was played
    better: str  # what the engine would have played
    loss: float  # expected score of the mover before it minus after it, a draw counting half

    @property
    def number(self) -> str:
        """``12.`` or, for the second player, ``12...``, by moves of both."""
        return f"{self.ply // 2 + 1}{'...' if self.ply % 2 else '.'}"


def find_mistakes(session: Session, *, smallest: float = SMALLEST_LOSS) -> list[Mistake]:
    """The biggest first, as far as the engine has an opinion of both positions around a move."""
    found = []
    texts = session.move_texts
    for ply, action in enumerate(session.actions):
        before, after = session.thought_at(ply), session.thought_at(ply + 1)
        if before is None or after is None or not before.moves:
            continue
        best = before.moves[0]
        loss = before.expectation(before.mover) - after.expectation(before.mover)
        if action != best.action and loss >= smallest:
            found.append(
                Mistake(ply=ply, mover=before.mover, text=texts[ply], better=best.text, loss=loss)
            )
    found.sort(key=lambda each: -each.loss)
    return found[:_MOST]


def next_to_review(session: Session) -> int | None:
    """The first position that the adviser has yet to think about; None: it knows the whole game."""
    for ply, state in enumerate(session.states):
        if not state["finished"] and not session.has_advice_at(ply):
            return ply
    return None
