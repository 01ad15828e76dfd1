"""Every game by mouse and keyboard: what is pointed at and typed is what is played."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

import scripts.templates.own_game
from agents.factory import make_agent
from agents.records import GameRecord, read_game, save_game
from agents.terminal.app import PlayApp
from agents.terminal.board_view import find_targets
from agents.terminal.board_widget import BoardWidget
from agents.terminal.engines import Opponent
from agents.terminal.keys import letter_commands
from agents.terminal.mistakes import find_mistakes
from agents.terminal.move_squares import pieces_in_hand, read_squares, text_by_squares
from agents.terminal.opponents import open_opponent
from agents.terminal.pointing import Pointing
from agents.terminal.seats import Seats, SessionError
from agents.terminal.session import Session
from agents.terminal.strength import (
    LEVELS_FILE,
    LevelRating,
    Strength,
    calibrated_levels,
    nearest_level,
    settle,
)
from agents.terminal.typed_moves import TypedMoves
from games import make, registered_games
from games.game import Game

SessionMaker = Callable[..., Session]
Script = Callable[[PlayApp, Pilot], Awaitable[None]]
OWN_GAME = str(Path(scripts.templates.own_game.__file__))


def run(session: Session, script: Script, *, size: tuple[int, int] = (120, 42)) -> None:
    async def main() -> None:
        app = PlayApp(session)
        async with app.run_test(size=size) as pilot:
            await app.settled()
            await pilot.pause()
            await script(app, pilot)

    asyncio.run(main())


async def press(app: PlayApp, pilot: Pilot, *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await pilot.pause()
        await app.settled()
        await pilot.pause()


async def click(app: PlayApp, pilot: Pilot, square: str) -> None:
    """Click the square of a name such as e4."""
    view = app.session.game.board_view(app.scene.state)
    by_name = {
        column + row: (r, c)
        for r, row in enumerate(view.row_labels)
        for c, column in enumerate(view.column_labels)
    }
    board = app.query_one(BoardWidget)
    await pilot.click(BoardWidget, offset=board.character_of(by_name[square]))
    await pilot.pause()
    await app.settled()


def text_of(app: PlayApp, selector: str) -> str:
    return str(app.query_one(selector, Static).render())


def some_positions(game: Game, *, count: int, seed: int) -> list[np.void]:
    rng = np.random.default_rng(seed)
    found = []
    while len(found) < count:
        states = game.rules.initial(1)
        for _ in range(int(rng.integers(0, 60))):
            if states[0]["finished"]:
                break
            action = int(rng.choice(game.legal(states[0])))
            game.rules.step(states, np.array([action], np.int32))
        if not states[0]["finished"]:
            found.append(states[0].copy())
    return found


@pytest.mark.parametrize("name", [*registered_games(), OWN_GAME])
def test_every_legal_move_can_be_pointed_at_and_typed(name: str) -> None:
    game = make(name)
    for state in some_positions(game, count=5, seed=1):
        targets, typed = find_targets(game, state), TypedMoves(game, state)
        view = game.board_view(state)
        placed = {action: cell for cell, action in targets.by_cell.items()}
        for action in game.legal(state):
            pointing = Pointing()
            pointing.show(targets)
            if action in targets.origins:
                assert pointing.point(targets.origins[action]).action is None
                outcome = pointing.point(targets.landing[action][0])
                if outcome.action is None:
                    assert len(pointing.choices) > 1
                    outcome = pointing.choose(pointing.choices.index(action) + 1)
                assert outcome.action == action
            elif action in placed:
                assert pointing.point(placed[action]).action == action
            else:
                assert action in targets.named
            for text in {game.action_to_text(state, action), text_by_squares(game, state, action)}:
                assert typed.read(text).exact == (action,), text
                if "x" not in text:  # bxc3 and Bxc3 are told apart by their capitals
                    assert action in typed.read(text.lower()).exact
            squares = read_squares(view, text_by_squares(game, state, action))
            if squares is not None and not isinstance(squares.origin, str):
                row, column = squares.origin
                assert view.owners[row][column] == int(state["to_play"])


def test_chess_is_played_by_clicks(make_session: SessionMaker) -> None:
    session = make_session("chess", None)

    async def script(app: PlayApp, pilot: Pilot) -> None:
        for square in "e2 e4 e7 e5 g1 f3 b8 c6 f1 b5 g8 f6 e1 g1".split():
            await click(app, pilot, square)
        assert session.move_texts == "e4 e5 Nf3 Nc6 Bb5 Nf6 O-O".split()
        await click(app, pilot, "f6")
        await click(app, pilot, "f6")  # put down again
        assert app.scene.pointing.held is None
        await click(app, pilot, "c8")  # the bishop cannot move
        assert "Nothing can be played there" in text_of(app, "#status")

    run(session, script)


def test_a_pawn_asks_what_it_becomes(make_session: SessionMaker) -> None:
    session = make_session("chess", None)
    session.set_up("8/P7/8/8/8/8/k7/6K1 w - - 0 1")

    async def script(app: PlayApp, pilot: Pilot) -> None:
        await click(app, pilot, "a7")
        await click(app, pilot, "a8")
        assert session.actions == ()
        choices = text_of(app, "#choices")
        texts = [part for part in choices.split() if part.startswith("a8")]
        assert len(texts) == 4
        await press(app, pilot, str(texts.index("a8=N") + 1))
        assert session.move_texts == ["a8=N"]
        await press(app, pilot, "T", *"a8=r")
        assert session.move_texts[-1].startswith("a8=R")

    run(session, script)


def test_moves_are_typed_as_they_are_written_and_no_capital_is_a_command(
    make_session: SessionMaker,
) -> None:
    session = make_session("chess", None)

    async def chess(app: PlayApp, pilot: Pilot) -> None:
        await press(app, pilot, *"Nf3Nf6Rg1")
        assert session.move_texts == ["Nf3", "Nf6", "Rg1"]
        session.set_up("8/P7/8/8/8/8/k7/6K1 w - - 0 1")
        await press(app, pilot, *"a8=Q")
        assert session.move_texts == ["a8=Q+"]
        assert app.is_running

    run(session, chess)
    shogi = make_session("shogi", None)
    shogi.set_up("4k4/9/9/9/9/9/9/9/4K4 b 2P2S2N2L2R2B2p2s2n2l 1")

    async def drops(app: PlayApp, pilot: Pilot) -> None:
        for number, letter in enumerate("PSNLPSLN"):
            await press(app, pilot, letter, "asterisk", str(number // 2 + 1), "ce"[number % 2])
        assert len(shogi.move_texts) == 8 and shogi.move_texts[1] == "S*1e"

    run(shogi, drops)


@pytest.mark.parametrize("name", registered_games())
def test_no_command_is_a_letter_of_a_move(name: str) -> None:
    game = make(name)
    every_key = [key for each in letter_commands(game) for key in each.keys]
    keys = set(every_key)
    assert len(keys) == len(every_key)
    rng = np.random.default_rng(0)
    states = game.rules.initial(1)
    for _ in range(80):
        if states[0]["finished"]:
            states = game.rules.initial(1)
        legal = game.legal(states[0])
        for action in legal:
            assert not keys & set(game.action_to_text(states[0], action)) - {"x"}
        game.rules.step(states, np.array([rng.choice(legal)], np.int32))


@pytest.mark.parametrize("game", ["minichess", "breakthrough", "minishogi", OWN_GAME])
def test_a_move_is_made_with_arrows_and_enter(make_session: SessionMaker, game: str) -> None:
    session = make_session(game, None)

    async def script(app: PlayApp, pilot: Pilot) -> None:
        board = app.query_one(BoardWidget)
        for _ in range(4):
            targets = app.scene.pointing.targets
            action = session.legal[len(session.legal) // 2]
            for cell in (targets.origins[action], targets.landing[action][0]):
                await press(app, pilot, "up")  # the first key puts the cursor on the board
                assert board.cursor is not None
                row, column = board.cursor
                down, right = cell[0] - row, cell[1] - column
                await press(app, pilot, *["down" if down > 0 else "up"] * abs(down))
                await press(app, pilot, *["right" if right > 0 else "left"] * abs(right))
                await press(app, pilot, "enter")
            if app.scene.pointing.choices:
                number = app.scene.pointing.choices.index(action) + 1
                await press(app, pilot, str(number))
            assert session.actions[-1] == action

    run(session, script)


def test_shogi_drops_by_mouse_tab_and_typing(make_session: SessionMaker) -> None:
    session = make_session("shogi", None)
    session.set_up("7g7f 3c3d 8h2b+ 3a2b")
    assert pieces_in_hand(session.game, session.state) == ({"B": 1}, {"B": 1})

    async def script(app: PlayApp, pilot: Pilot) -> None:
        assert "Black holds  B" in text_of(app, "#hand-0")
        await press(app, pilot, "tab")
        await click(app, pilot, "5e")
        assert session.move_texts[-1] == "B*5e"
        await press(app, pilot, *"b*4d")
        assert session.move_texts[-1] == "B*4d"
        await press(app, pilot, "T", "T")
        await pilot.click("#hand-0", offset=_letter_place(app, "#hand-0", "B"))
        await pilot.pause()
        assert app.scene.pointing.held == "B"
        await click(app, pilot, "6f")
        assert session.move_texts[-1] == "B*6f"

    run(session, script)


def test_shogi_promotes_by_choice_and_by_plus(make_session: SessionMaker) -> None:
    session = make_session("shogi", None)
    session.set_up("7g7f 3c3d")

    async def script(app: PlayApp, pilot: Pilot) -> None:
        await click(app, pilot, "8h")
        await click(app, pilot, "2b")
        assert len(app.scene.pointing.choices) == 2
        await press(app, pilot, "escape", *"8h2b+")
        assert session.move_texts[-1] == "8h2b+"
        await press(app, pilot, "T", *"8h2b", "enter")
        assert session.move_texts[-1] == "8h2b"

    run(session, script)


def _letter_place(app: PlayApp, selector: str, letter: str) -> tuple[int, int]:
    """Where a letter stands on the line of a hand; the text is centred."""
    widget = app.query_one(selector, Static)
    line = str(widget.render())
    left = (widget.size.width - len(line)) // 2
    return left + line.rindex(letter), 0


def test_passes_and_swaps_are_clicked(make_session: SessionMaker) -> None:
    for game, moves, word in (("go(size=5)", ["c3"], "pass"), ("hex(size=5)", ["b2"], "swap")):
        session = make_session(game, None)
        for move in moves:
            session.play_text(move)

        async def script(app: PlayApp, pilot: Pilot, session=session, word=word) -> None:
            assert word in text_of(app, "#choices")
            await pilot.click("#choices", offset=_letter_place(app, "#choices", word))
            await pilot.pause()
            assert session.move_texts[-1] == word

        run(session, script)


# --- Looking back, review, set-up, watching -------------------------------------------------------


def test_looking_back_and_going_on_from_there(make_session: SessionMaker) -> None:
    session = make_session("connect_four", None)

    async def script(app: PlayApp, pilot: Pilot) -> None:
        await press(app, pilot, *"4435", "<", "<", "<")
        assert app.scene.ply == 1 and len(session.actions) == 4
        assert "After 1 of 4 moves; then 4" in text_of(app, "#status")
        await press(app, pilot, ">")
        assert app.scene.ply == 2
        await press(app, pilot, "7")
        assert session.move_texts == ["4", "4", "7"] and app.scene.shown is None

    run(session, script)


def test_a_review_marks_the_mistakes_and_shows_them(make_session: SessionMaker) -> None:
    """X does not block at the last move but one; the solver knows what that costs."""
    session = make_session("tic_tac_toe", None, adviser="solver")
    for move in "b2 a1 c1 a3 a2 c2 c3 b1".split():
        session.play_text(move)
    session.go_back_to(0)
    for move in "a1 b1 b2 c1 a3 a2 c3".split():
        session.play_text(move)

    async def script(app: PlayApp, pilot: Pilot) -> None:
        await press(app, pilot, "R")
        assert app.scene.reviewing is None
        mistakes = find_mistakes(session)
        assert mistakes == app.scene.mistakes and mistakes
        assert mistakes[0].loss == pytest.approx(0.5)
        assert mistakes[0].text in text_of(app, "#mistakes")
        assert "▲" in text_of(app, "#strip-marks")
        await press(app, pilot, "M")
        assert app.scene.shown == mistakes[0].ply
        await press(app, pilot, "M")
        assert app.scene.shown == mistakes[1 % len(mistakes)].ply

    run(session, script)


def test_a_position_is_set_up_from_the_keyboard(make_session: SessionMaker) -> None:
    session = make_session("chess", None)
    fen = "4k3/8/8/8/8/8/4P3/4K3 b - - 0 1"

    async def script(app: PlayApp, pilot: Pilot) -> None:
        await press(app, pilot, "U")
        app.screen.query_one(Input).value = "4k3/8 w"
        await press(app, pilot, "enter")
        assert "no position and no moves" in str(app.screen.query_one("#outcome").render())
        app.screen.query_one(Input).value = fen
        await press(app, pilot, "enter")
        assert session.setup_text == fen
        await press(app, pilot, *"Kd8", "W")
        assert session.move_texts == ["Kd8"]

    run(session, script)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("4 4 9", r"move 3 \(9\)"),
        ("hello there", "no position and no moves"),
        ("4 3 4 3 4 3 4 1", "over after 7 of these moves"),
    ],
)
def test_what_cannot_be_set_up_leaves_the_game(
    make_session: SessionMaker, text: str, message: str
) -> None:
    session = make_session("connect_four", None)
    session.play(3)
    with pytest.raises(SessionError, match=message):
        session.set_up(text)
    assert session.actions == (3,)
    session.set_up("4 4")
    assert session.move_texts == ["4", "4"]
    session.set_up("")
    assert session.actions == () and session.record().start is None


def test_a_set_up_game_is_saved_and_taken_up(make_session: SessionMaker, tmp_path: Path) -> None:
    session = make_session("chess", None)
    session.set_up("4k3/8/8/8/8/8/4P3/4K3 w - - 0 1")
    session.play_text("e4")
    session.new_game()
    session.play_text("e3")
    session.save(tmp_path / "a.pgn")
    record = read_game(tmp_path / "a.pgn")
    assert record.move_texts() == ["e3"]
    again = make_session("chess", None, actions=record.actions, start=record.start)
    assert again.setup_text == session.setup_text


def test_two_engines_are_watched_and_paused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.terminal.engine_requests._WATCH_SECONDS", 0.01)
    game = make("tic_tac_toe")

    def engine(text: str) -> Opponent:
        return Opponent(name=text, make=lambda strength, say: make_agent(text, game=game, seed=1))

    seats = Seats(
        opponent=engine("solver"),
        rival=engine("random"),
        adviser=engine("solver"),
        engine_players=frozenset(),
    )
    session = Session(game, seats)
    assert session.seats.players == ("solver", "random")

    async def script(app: PlayApp, pilot: Pilot) -> None:
        assert session.is_finished  # `run` waits for the engines
        session.new_game()
        app.action_pause()
        await app.settled()
        assert app.scene.is_paused and session.actions == ()
        await press(app, pilot, *"b2")
        assert session.move_texts == ["b2"]
        await press(app, pilot, "space")
        assert session.is_finished and len(session.actions) > 2
        session.switch_sides()
        assert session.seats.players == ("random", "solver")

    run(session, script)
    session.close()


# --- Levels ---------------------------------------------------------------------------------------


def test_levels_are_chosen_from_a_list() -> None:
    game = make("connect_four")
    levels = (
        Strength(simulations=1, rating=LevelRating(elo=100, low=80, high=120)),
        Strength(simulations=2, rating=LevelRating(elo=300, low=280, high=320)),
    )
    engine = Opponent(
        name="e", make=lambda strength, say: make_agent("random", game=game), levels=levels
    )
    seats = Seats(opponent=engine, adviser=engine, engine_players=frozenset({1}), level=1)
    session = Session(game, seats)

    async def script(app: PlayApp, pilot: Pilot) -> None:
        assert "100 Elo (80 to 120)" in text_of(app, "#title")
        await press(app, pilot, "l")
        shown = app.screen.query_one(OptionList)
        assert "300 Elo (280 to 320)" in str(shown.get_option_at_index(1).prompt)
        await press(app, pilot, "down", "enter")
        assert session.seats.level == 2
        assert "300 Elo" in text_of(app, "#status")

    run(session, script)
    session.close()


def test_the_nearest_level_to_a_rating() -> None:
    levels = tuple(
        Strength(simulations=1, rating=LevelRating(elo=elo, low=elo, high=elo))
        for elo in (0, 500, 900)
    )
    assert [nearest_level(levels, elo) for elo in (-100, 240, 260, 800, 5000)] == [1, 1, 2, 3, 3]
    assert nearest_level((Strength(simulations=1),), 100) == 0


def test_levels_of_games_without_a_measurement_are_none() -> None:
    assert calibrated_levels(make("tic_tac_toe"), "mcts") == ()
    assert calibrated_levels(make("connect_four"), "mcts") == ()  # of its network alone


@pytest.mark.parametrize(
    ("game_id", "player"),
    [
        (name, player)
        for name, known in json.loads(LEVELS_FILE.read_text()).items()
        for player in known
    ],
)
def test_measured_levels_begin_with_a_beginner_and_rise(game_id: str, player: str) -> None:
    game = make(game_id)
    levels = calibrated_levels(game, player)
    assert len(levels) == 10
    ratings = [each.rating for each in levels]
    assert ratings[0].elo < 400
    for weaker, stronger in zip(ratings, ratings[2:], strict=False):
        assert weaker.low < stronger.high
    assert open_opponent(player, game=game, seed=0).levels == levels


def test_a_level_that_plays_at_random_does_so_as_often_as_it_says() -> None:
    game = make("tic_tac_toe")
    state = game.after([0, 3, 1, 4])  # X wins at c1
    decisions = make_agent("mcts:200", game=game).choose_one(state)
    half = Strength(simulations=200, random=0.5)
    rng = np.random.default_rng(0)
    chosen = [settle(half, decisions, 0, rng=rng) for _ in range(2000)]
    best = int(decisions.actions[0])
    assert chosen.count(best) / 2000 == pytest.approx(0.5 + 0.5 / 5, abs=0.04)
    assert set(chosen) == set(game.legal(state))


def test_records_of_every_game_can_be_played_on(tmp_path: Path, make_session: SessionMaker) -> None:
    for name in ("othello", "minishogi"):
        game = make(name)
        state = game.rules.initial(1)[0]
        action = game.legal(state)[0]
        save_game(tmp_path / "a.txt", GameRecord(game=game, actions=(action,)))
        record = read_game(tmp_path / "a.txt")
        assert make_session(name, None, actions=record.actions).actions == (action,)
