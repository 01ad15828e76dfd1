"""Engines at a board: made when they are first asked, and asked in a thread of their own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TypeVar

from agents.agent import Agent
from agents.terminal.strength import Strength
from agents.terminal.thinker import Thinker

Say = Callable[[str], None]
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Opponent:
    """An engine that can sit down at the board, before anything heavy is loaded.

    Args:
        name: how it is called.
        make: an agent that thinks at a strength; called in the engine's thread, since it may
            take seconds (libraries and weights are loaded). It is told where remarks go, such as
            one about a damaged file that was passed over.
        levels: its strengths, the weakest first; empty where it plays in one way only.
    """

    name: str
    make: Callable[[Strength, Say], Agent]
    levels: tuple[Strength, ...] = ()


class Engines:
    """The agents of a session, one for each engine and strength."""

    def __init__(self) -> None:
        self._thinker = Thinker()
        self._agents: dict[tuple[int, Strength], Agent] = {}
        self._remarks: list[str] = []

    def ask(
        self, engine: Opponent, strength: Strength, question: Callable[[Agent], Answer]
    ) -> Future[Answer]:
        """Have ``question`` put to an engine at a strength, in the thread of the engines."""
        return self._thinker.submit(lambda: question(self._agent(engine, strength)))

    def take_remarks(self) -> list[str]:
        """What was said while engines were made, since this was last asked."""
        remarks, self._remarks = self._remarks, []
        return remarks

    def close(self) -> None:
        """Let go of all agents; nothing is asked afterwards."""
        self._thinker.close(self._close_agents)

    def _agent(self, engine: Opponent, strength: Strength) -> Agent:
        # Moves are drawn outside the agent, and a rating says nothing about how it thinks.
        thinks = replace(strength, temperature=0.0, random=0.0, rating=None)
        key = (id(engine), thinks)
        if key not in self._agents:
            self._agents[key] = engine.make(thinks, self._remark)
        return self._agents[key]

    def _remark(self, text: str) -> None:
        if text not in self._remarks:
            self._remarks.append(text)

    def _close_agents(self) -> None:
        for agent in self._agents.values():
            agent.close()
        self._agents.clear()
