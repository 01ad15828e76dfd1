"""The application, driven by keys and mouse as a person would, without a terminal."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from agents.agent import AgentError
from agents.records import read_game
from agents.terminal.app import PlayApp
from agents.terminal.board_widget import BoardWidget
from agents.terminal.engines import Opponent
from agents.terminal.seats import Seats
from agents.terminal.session import Session
from agents.terminal.terminal_size import TerminalTooSmallError, check_terminal, needed_size
from games import make

SessionMaker = Callable[..., Session]
Script = Callable[[PlayApp, Pilot], Awaitable[None]]


def run(session: Session, script: Script, *, size: tuple[int, int] = (80, 24)) -> None:
    """Start the application, run ``script`` once the engine is loaded, and end."""

    async def main() -> None:
        app = PlayApp(session)
        async with app.run_test(size=size) as pilot:
            await app.settled()
            await pilot.pause()
            await script(app, pilot)

    asyncio.run(main())


def text_of(app: PlayApp, selector: str) -> str:
    """What a part of the screen says."""
    return str(app.query_one(selector, Static).render())


async def press(app: PlayApp, pilot: Pilot, *keys: str) -> None:
    """Press keys and wait for what the engine makes of each."""
    for key in keys:
        await pilot.press(key)
        await pilot.pause()
        await app.settled()
        await pilot.pause()


@pytest.mark.parametrize(("game", "size"), [("connect_four", (80, 24)), ("tic_tac_toe", (90, 30))])
def test_a_whole_game_is_played_by_keys(
    make_session: SessionMaker, game: str, size: tuple[int, int]
) -> None:
    session = make_session(game, "random")

    async def script(app: PlayApp, pilot: Pilot) -> None:
        while not session.is_finished:
            before = len(session.actions)
            await press(app, pilot, *session.legal_texts[0])
            assert len(session.actions) > before
            assert session.is_finished or len(session.actions) == before + 2
        assert session.result_text in text_of(app, "#status")
        assert "100 %" in text_of(app, "#chances")

    run(session, script, size=size)


@pytest.mark.parametrize("size", [(80, 24), (101, 31), (160, 50)])
def test_every_square_takes_the_click_that_is_made_on_it(
    make_session: SessionMaker, size: tuple[int, int]
) -> None:
    session = make_session("tic_tac_toe", None)

    async def script(app: PlayApp, pilot: Pilot) -> None:
        board = app.query_one(BoardWidget)
        for cell in [(0, 0), (0, 1), (0, 2), (1, 1), (1, 0), (1, 2), (2, 1), (2, 0), (2, 2)]:
            await pilot.click(BoardWidget, offset=board.character_of(cell))
            await pilot.pause()
            view = session.game.board_view(session.state)
            assert view.pieces[cell[0]][cell[1]]
        assert session.is_finished

    run(session, script, size=size)


@pytest.mark.parametrize("size", [(80, 24), (101, 31)])
def test_a_slanted_board_takes_clicks_and_shows_labels_beside_its_rows(
    make_session: SessionMaker, size: tuple[int, int]
) -> None:
    session = make_session("hex(size=5)", None)

    async def script(app: PlayApp, pilot: Pilot) -> None:
        board = app.query_one(BoardWidget)
        starts = []
        for row in range(5):
            for column in range(5):
                assert board.cell_at(*board.character_of((row, column))) == (row, column)
            line = board.render_line(board.character_of((row, 0))[1]).text
            starts.append(line.index(str(row + 1)))
        assert starts == list(range(starts[0], starts[-1] + 1, (starts[-1] - starts[0]) // 4))
        assert starts[0] < starts[-1]
        await pilot.click(BoardWidget, offset=board.character_of((4, 1)))
        await pilot.pause()
        await press(app, pilot, *"swap")
        assert session.move_texts == ["b5", "swap"]

    run(session, script, size=size)


def test_enter_ends_a_typed_move_that_others_begin_with(make_session: SessionMaker) -> None:
    session = make_session("hex(swap=0)", None)

    async def script(app: PlayApp, pilot: Pilot) -> None:
        await press(app, pilot, "a", "1")
        assert session.actions == ()
        await press(app, pilot, "enter", "a", "1", "0", "b", "1", "1")
        assert session.actions == (0, 99, 111)
        await press(app, pilot, "z")
        assert "'z' is no cell" in text_of(app, "#status")

    run(session, script, size=(120, 30))


@pytest.mark.parametrize("row", range(6))
def test_a_click_anywhere_in_a_column_drops_a_piece_there(
    make_session: SessionMaker, row: int
) -> None:
    session = make_session("connect_four", None)

    async def script(app: PlayApp, pilot: Pilot) -> None:
        board = app.query_one(BoardWidget)
        for column in (6, 0, 3):
            await pilot.click(BoardWidget, offset=board.character_of((row, column)))
            await pilot.pause()
        assert session.actions == (6, 0, 3)

    run(session, script)


def test_arrows_and_enter_play_at_the_cursor(make_session: SessionMaker) -> None:
    session = make_session("connect_four", None)

    async def script(app: PlayApp, pilot: Pilot) -> None:
        await press(app, pilot, "left", "left", "enter", "right", "right", "right", "enter")
        assert session.actions == (2, 5)

    run(session, script)


def test_a_click_on_a_taken_square_says_what_can_be_played(make_session: SessionMaker) -> None:
    session = make_session("tic_tac_toe", None)

    async def script(app: PlayApp, pilot: Pilot) -> None:
        await press(app, pilot, "b", "2")
        await pilot.click(BoardWidget, offset=app.query_one(BoardWidget).character_of((1, 1)))
        await pilot.pause()
        assert "legal: a3 b3 c3 a2 c2 a1 b1 c1" in text_of(app, "#status")
        assert len(session.actions) == 1

    run(session, script)


def test_an_illegal_key_is_answered_with_one_line_and_no_move(make_session: SessionMaker) -> None:
    session = make_session("connect_four", None)

    async def script(app: PlayApp, pilot: Pilot) -> None:
        await press(app, pilot, "9")
        assert "legal: 1 2 3 4 5 6 7" in text_of(app, "#status")
        await press(app, pilot, *"444444", "4")
        assert len(session.actions) == 6
        assert "1 2 3 5 6 7" in text_of(app, "#status")

    run(session, script)


def test_half_a_move_is_shown_and_can_be_wiped(make_session: SessionMaker) -> None:
    session = make_session("tic_tac_toe", None)

    async def script(app: PlayApp, pilot: Pilot) -> None:
        await press(app, pilot, "c")
        assert "c_" in text_of(app, "#status")
        await press(app, pilot, "escape", "a", "1")
        assert session.move_texts == ["a1"]

    run(session, script)


def test_take_back_hint_side_and_new_work_by_keys(make_session: SessionMaker) -> None:
    session = make_session("connect_four", "one_ply", adviser="mcts:200")

    async def script(app: PlayApp, pilot: Pilot) -> None:
        await press(app, pilot, "h")
        assert "Hint: " in text_of(app, "#status")
        assert session.actions == ()
        assert "%" in text_of(app, "#chances")
        await press(app, pilot, "4")
        assert len(session.actions) == 2
        await press(app, pilot, "t")
        assert session.actions == ()
        await press(app, pilot, "t")
        assert "no move of yours" in text_of(app, "#status")
        await press(app, pilot, "x")
        assert session.seats.players == ("one_ply", "human") and len(session.actions) == 1
        await press(app, pilot, "n")
        assert len(session.actions) == 1 and "again" in text_of(app, "#status")
        await press(app, pilot, "n")
        assert len(session.actions) == 1  # the engine has begun the new game
        assert session.seats.players == ("one_ply", "human")

    run(session, script)


def test_commands_need_shift_where_moves_use_letters(make_session: SessionMaker) -> None:
    session = make_session("tic_tac_toe", None, adviser="mcts:50")

    async def script(app: PlayApp, pilot: Pilot) -> None:
        await press(app, pilot, "a", "1", "H")
        assert "Hint: " in text_of(app, "#status")
        await press(app, pilot, "T")
        assert session.actions == ()

    run(session, script)


def test_running_analysis_follows_the_board(make_session: SessionMaker) -> None:
    session = make_session("connect_four", None, adviser="mcts:100")

    async def script(app: PlayApp, pilot: Pilot) -> None:
        await press(app, pilot, "a", "4", "5")
        assert [session.thought_at(ply) is not None for ply in range(3)] == [True] * 3
        await press(app, pilot, "a", "6")
        assert session.thought_at(3) is None

    run(session, script)


def test_saving_survives_a_bad_path_and_keeps_the_game(
    make_session: SessionMaker, tmp_path: Path
) -> None:
    session = make_session("connect_four", None)

    async def script(app: PlayApp, pilot: Pilot) -> None:
        await press(app, pilot, "4", "s")
        app.screen.query_one(Input).value = str(tmp_path / "no" / "game.txt")
        await press(app, pilot, "enter")
        assert "cannot save" in str(app.screen.query_one("#outcome").render())
        app.screen.query_one(Input).value = str(tmp_path / "game.txt")
        await press(app, pilot, "enter")
        assert read_game(tmp_path / "game.txt").actions == (3,)
        await press(app, pilot, "5")
        assert session.actions == (3, 4)

    run(session, script)


def test_an_engine_that_fails_leaves_the_game_to_the_person() -> None:
    def fail(simulations: int, say: object) -> None:
        raise AgentError("the network file is damaged")

    game = make("connect_four")
    broken = Opponent(name="broken", make=fail)
    session = Session(game, Seats(opponent=broken, adviser=broken, engine_players=frozenset({1})))

    async def script(app: PlayApp, pilot: Pilot) -> None:
        assert "the network file is damaged" in text_of(app, "#status")
        await press(app, pilot, "4", "4", "3")
        assert session.actions == (3, 3, 2)

    run(session, script)
    session.close()


def test_too_small_a_terminal_is_refused_with_the_size_that_is_needed() -> None:
    game = make("connect_four")
    needed = needed_size(game)
    assert needed.width <= 80 and needed.height <= 24
    check_terminal(game, (needed.width, needed.height))
    for size in ((needed.width - 1, needed.height), (needed.width, needed.height - 1)):
        with pytest.raises(TerminalTooSmallError, match=f"{needed.width} x {needed.height}"):
            check_terminal(game, size)


def test_a_window_made_too_small_says_so_and_recovers(make_session: SessionMaker) -> None:
    session = make_session("connect_four", None)

    async def script(app: PlayApp, pilot: Pilot) -> None:
        await pilot.resize_terminal(40, 12)
        await pilot.pause()
        assert not app.query_one("#table").display
        assert "40 x 12" in text_of(app, "#too-small")
        await pilot.resize_terminal(100, 30)
        await pilot.pause()
        assert app.query_one("#table").display
        await press(app, pilot, "4")
        assert session.actions == (3,)

    run(session, script)


def test_the_board_is_drawn_before_the_engine_is_there() -> None:
    """A slow engine must not keep the first board from the screen."""
    game = make("connect_four")
    entered: list[bool] = []

    async def main() -> None:
        release = asyncio.Event()
        loop = asyncio.get_running_loop()

        def slow(simulations: int, say: object) -> None:
            entered.append(True)
            waiting: Coroutine = release.wait()
            asyncio.run_coroutine_threadsafe(waiting, loop).result(30)
            raise AgentError("late")

        engine = Opponent(name="slow", make=slow)
        session = Session(
            game, Seats(opponent=engine, adviser=engine, engine_players=frozenset({1}))
        )
        app = PlayApp(session)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            await pilot.press("4")
            await pilot.pause()
            assert session.actions == (3,)
            assert "Loading" in text_of(app, "#status")
            release.set()
            await app.settled()
        session.close()

    asyncio.run(main())
    assert entered
