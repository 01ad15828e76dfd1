from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.agent import Agent
from agents.factory import make_agent
from agents.records import RecordError, plain, read_game
from agents.terminal.engines import Opponent
from agents.terminal.seats import Seats, SessionError
from agents.terminal.session import Session
from agents.terminal.strength import Strength, draw_slot
from games import IllegalMoveError, InvalidMoveError, make

SessionMaker = Callable[..., Session]
GAMES = ("connect_four", "tic_tac_toe")
choices = st.lists(st.integers(0, 10**6), max_size=45)
any_game = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def facts(state: np.void) -> list[object]:
    """Every field of a record; its bytes would hold padding that means nothing."""
    return [np.array(state[name]).tolist() for name in state.dtype.names]


def play_reply(session: Session) -> None:
    """Let the engine answer."""
    assert session.accept(session.request_reply().result(60))


def play_random(session: Session, numbers: list[int]) -> None:
    """Legal moves for both sides, chosen by ``numbers``."""
    for number in numbers:
        if session.is_finished:
            break
        legal = session.legal
        session.play(legal[number % len(legal)])


@any_game
@given(numbers=choices, game=st.sampled_from(GAMES))
def test_taking_back_restores_every_earlier_position_exactly(
    make_session: SessionMaker, numbers: list[int], game: str
) -> None:
    session = make_session(game, None)
    before = []
    for number in numbers:
        if session.is_finished:
            break
        before.append((facts(session.state), session.actions))
        play_random(session, [number])
    while before:
        assert session.take_back() == 1
        assert (facts(session.state), session.actions) == before.pop()
    with pytest.raises(SessionError, match="no move of yours"):
        session.take_back()


@any_game
@given(numbers=choices, game=st.sampled_from(GAMES))
def test_a_saved_game_loads_as_the_same_game(
    make_session: SessionMaker, tmp_path_factory, numbers: list[int], game: str
) -> None:
    session = make_session(game, None)
    play_random(session, numbers)
    path = tmp_path_factory.mktemp("games") / "game.txt"
    session.save(path)
    record = read_game(path)
    assert (record.game.id, record.actions) == (session.game.id, session.actions)
    assert record.players == ("human", "human")
    assert [path] == list(path.parent.iterdir())
    again = make_session(game, None, actions=record.actions)
    assert facts(again.state) == facts(session.state)


def test_positions_follow_the_rules_and_never_change_afterwards(make_session: SessionMaker) -> None:
    session = make_session("connect_four", None)
    kept = [facts(state) for state in session.states]
    for action in (3, 3, 2, 4, 1):
        session.play(action)
        kept.append(facts(session.game.after(list(session.actions))))
    assert [facts(state) for state in session.states] == kept


def test_taking_back_goes_to_the_persons_own_last_choice(make_session: SessionMaker) -> None:
    session = make_session()
    start = facts(session.state)
    session.play(3)
    assert session.is_engine_to_move
    play_reply(session)
    assert session.take_back() == 2
    assert facts(session.state) == start
    session.play(3)
    assert session.take_back() == 1  # the engine had not replied yet


def test_the_second_player_cannot_take_back_the_engines_first_move(
    make_session: SessionMaker,
) -> None:
    session = make_session(human=1)
    play_reply(session)
    with pytest.raises(SessionError, match="no move of yours"):
        session.take_back()


def test_an_answer_about_another_position_is_not_played(make_session: SessionMaker) -> None:
    session = make_session()
    session.play(3)
    late = session.request_reply().result(60)
    session.take_back()
    assert not session.accept(late)
    session.play(0)
    assert not session.accept(late)
    assert session.actions == (0,)


def test_a_loop_of_replies_plays_a_whole_game_and_names_the_winner(
    make_session: SessionMaker,
) -> None:
    session = make_session("connect_four", "one_ply", human=0)
    rng = np.random.default_rng(5)
    while not session.is_finished:
        if session.is_engine_to_move:
            play_reply(session)
        else:
            session.play(int(rng.choice(session.legal)))
    first, second = session.state["returns"]
    expected = {1: "You win!", -1: "The engine wins.", 0: "The game is a draw."}
    assert session.result_text == expected[int(first)]
    assert first == -second
    assert session.thought_at(len(session.actions)).expectation(0) == (1 + first) / 2
    with pytest.raises(SessionError, match="over"):
        session.request_thought()


def test_the_engine_plays_for_the_other_side_after_a_change(make_session: SessionMaker) -> None:
    session = make_session()
    assert not session.is_engine_to_move
    session.switch_sides()
    assert session.is_engine_to_move and session.seats.players == ("one_ply", "human")
    play_reply(session)
    session.switch_sides()
    play_reply(session)
    assert len(session.actions) == 2


def test_a_new_game_keeps_sides_and_forgets_moves(make_session: SessionMaker) -> None:
    session = make_session(human=1)
    play_reply(session)
    session.new_game()
    assert session.actions == () and session.seats.players == ("one_ply", "human")


@pytest.mark.parametrize("text", ["9", "", "x", "4 4", "é", "-1"])
def test_an_unreadable_move_names_the_legal_ones_and_changes_nothing(
    make_session: SessionMaker, text: str
) -> None:
    session = make_session()
    with pytest.raises(InvalidMoveError, match="legal: 1 2 3 4 5 6 7") as caught:
        session.play_text(text)
    assert "\n" not in str(caught.value)
    assert session.actions == ()


def test_a_full_column_is_refused_by_name(make_session: SessionMaker) -> None:
    session = make_session("connect_four", None)
    for _ in range(6):
        session.play_text("4")
    with pytest.raises(IllegalMoveError, match="1 2 3 5 6 7"):
        session.play_text("4")
    with pytest.raises(IllegalMoveError, match="1 2 3 5 6 7"):
        session.play(3)


# --- Strength -----------------------------------------------------------------------------------


def leveled_session(*, level: int, seed: int = 0) -> tuple[Session, list[int]]:
    """A session whose engine has two levels, and the simulations it was made with."""
    made, asked = make("connect_four"), []

    def build(simulations: int, say: object) -> Agent:
        asked.append(simulations)
        return make_agent("random", game=made, seed=3)

    levels = (Strength(simulations=5), Strength(simulations=50))
    engine = Opponent(name="engine", make=build, levels=levels)
    seats = Seats(opponent=engine, adviser=engine, engine_players=frozenset({0}), level=level)
    return Session(made, seats, seed=seed), asked


def test_the_level_decides_how_much_the_engine_searches() -> None:
    session, asked = leveled_session(level=1)
    play_reply(session)
    session.switch_sides()
    session.seats.set_level(2)
    play_reply(session)
    session.switch_sides()
    play_reply(session)
    assert [each.simulations for each in asked] == [
        5,
        50,
    ]  # an engine is made once for each strength
    assert session.seats.players == ("engine, level 2", "human")
    session.close()


@pytest.mark.parametrize("level", [0, 3, -1])
def test_a_level_that_does_not_exist_is_refused(level: int) -> None:
    session, _ = leveled_session(level=1)
    with pytest.raises(SessionError, match="between 1 and 2"):
        session.seats.set_level(level)
    assert session.seats.level == 1
    session.close()


def test_an_engine_of_one_strength_says_so(make_session: SessionMaker) -> None:
    with pytest.raises(SessionError, match="one strength only"):
        make_session().seats.set_level(3)


def test_low_temperature_sharpens_and_temperature_one_keeps_the_shares() -> None:
    shares = np.array([0.6, 0.3, 0.1, 0.0], np.float32)
    counts = {}
    for temperature in (1.0, 0.25):
        rng = np.random.default_rng(0)
        slots = [draw_slot(shares, temperature=temperature, rng=rng) for _ in range(4000)]
        counts[temperature] = np.bincount(slots, minlength=4) / 4000
    assert counts[1.0] == pytest.approx(shares, abs=0.03)
    sharp = shares.astype(float) ** 4
    assert counts[0.25] == pytest.approx(sharp / sharp.sum(), abs=0.03)
    assert counts[1.0][3] == counts[0.25][3] == 0


# --- Thoughts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("moves", ["a1 b1 a2 b2", "a1 b1 c3 c1 a3"])
def test_a_thought_speaks_for_players_and_not_for_the_mover(
    make_session: SessionMaker, moves: str
) -> None:
    """The mover wins at once in the first position (X) and has lost in the other (O)."""
    session = make_session("tic_tac_toe", None, adviser="mcts:2000")
    for move in moves.split():
        session.play_text(move)
    answer = session.request_thought().result(60)
    assert session.accept(answer)
    thought = session.thought_at(len(session.actions))
    assert sum(thought.win_chances) + thought.draw_chance == pytest.approx(1)
    assert thought.expectation(0) > 0.5 > thought.expectation(1)
    assert {move.text for move in thought.moves} == set(session.legal_texts)
    assert thought.moves[0].action == answer.action
    assert thought.line[0] == thought.moves[0].text
    assert session.actions and not session.is_finished  # a thought is never played


# --- Saved games ---------------------------------------------------------------------------------

GOOD = (
    "meijin game 1\ngame: connect_four\nfirst: human\nsecond: solver\ndate: today\n"
    "result: unfinished\n\n4 4 3\n5\n"
)


def test_a_record_may_be_written_by_hand() -> None:
    record = plain.read(b"meijin game 1\ngame: tic_tac_toe\n\na1\nb2 c3\n")
    assert record.game.id == "tic_tac_toe"
    assert len(record.actions) == 3 and record.players == ("unknown", "unknown")


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("meijin game 1", "meijin game 2", "line 1: a saved game begins with"),
        ("game: connect_four\n", "", "line 6: no line says which game"),
        ("connect_four", "connect_for", "line 2: .*connect_four"),
        ("date: today", "date today", "line 5: 'date today' is no header"),
        ("date: today", "first: today", "line 5: 'first' stands there a second time"),
        ("unfinished", "lost", "line 6: the result is given as 'lost'"),
        ("unfinished\n\n4 4 3\n5", "draw\n\n4 3 4 3 4 3 4", "line 6: .* make it 'first wins'"),
        ("\n5\n", "\nfive\n", r"line 9: move 4 \(five\)"),
        ("4 4 3\n5", "4 4 4 4 4 4 4", "line 8: "),
        ("4 4 3\n5", "4 3 4 3 4 3 4 1", "line 8: move '1' comes after the end"),
    ],
)
def test_a_broken_record_is_refused_with_file_and_line(old: str, new: str, line: str) -> None:
    assert plain.read(GOOD.encode()).players == ("human", "solver")
    assert old in GOOD
    with pytest.raises(RecordError, match=f"^{line}") as caught:
        plain.read(GOOD.replace(old, new, 1).encode())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"PK\x03\x04" * 10, b"\x00" * 2_000_000])
def test_a_file_that_is_no_record_is_refused_in_one_line(tmp_path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(RecordError) as caught:
        read_game(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_a_failed_save_loses_neither_the_game_nor_the_older_file(
    make_session: SessionMaker, tmp_path
) -> None:
    session = make_session("connect_four", None)
    session.play(3)
    for bad in (tmp_path / "none" / "game.txt", tmp_path, tmp_path / ("x" * 300)):
        with pytest.raises(RecordError, match="cannot save"):
            session.save(bad)
    assert list(tmp_path.iterdir()) == []
    assert session.actions == (3,)
    session.save(tmp_path / "game.txt")
    assert read_game(tmp_path / "game.txt").actions == (3,)
