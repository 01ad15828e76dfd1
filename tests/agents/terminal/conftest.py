from collections.abc import Callable, Iterator

import pytest

from agents.factory import make_agent
from agents.terminal.engines import Opponent
from agents.terminal.seats import Seats
from agents.terminal.session import Session
from games import make

SessionMaker = Callable[..., Session]


@pytest.fixture
def make_session() -> Iterator[SessionMaker]:
    """Sessions against real agents; every one is closed at the end of the test."""
    sessions: list[Session] = []

    def build(
        game: str = "connect_four",
        opponent: str | None = "one_ply",
        *,
        adviser: str = "one_ply",
        human: int = 0,
        **settings: object,
    ) -> Session:
        made = make(game)

        def engine(text: str) -> Opponent:
            return Opponent(
                name=text, make=lambda simulations, say: make_agent(text, game=made, seed=1)
            )

        seats = Seats(
            opponent=engine(opponent) if opponent is not None else None,
            adviser=engine(adviser),
            engine_players=frozenset({1 - human}),
        )
        session = Session(made, seats, **settings)
        sessions.append(session)
        return session

    yield build
    for session in sessions:
        session.close()
