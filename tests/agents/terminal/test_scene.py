"""What the screen shows, without any screen."""

from collections.abc import Callable

import pytest

from agents.terminal.keys import Keys
from agents.terminal.mistakes import Mistake
from agents.terminal.scene import Scene
from agents.terminal.session import Session

SessionMaker = Callable[..., Session]


def played(session: Session, moves: str) -> Scene:
    """A scene of a game between people."""
    for move in moves.split():
        session.play_text(move)
    scene = Scene(session)
    scene.show_newest()
    return scene


def mistake(ply: int) -> Mistake:
    return Mistake(ply=ply, mover=ply % 2, text="", better="", loss=0.5)


def test_looking_stays_within_the_game(make_session: SessionMaker) -> None:
    scene = played(make_session("tic_tac_toe", None), "a1 b1 b2")
    scene.look_at(-4)
    assert (scene.shown, scene.ply) == (0, 0)
    scene.look_at(2)
    assert scene.state["ply"] == 2
    scene.look_at(9)
    assert (scene.shown, scene.ply) == (None, 3)


def test_a_move_may_be_made_in_the_past_while_the_engine_thinks(make_session: SessionMaker) -> None:
    scene = played(make_session("connect_four", "one_ply"), "4")
    assert scene.waits_for_engine and not scene.is_person_to_move
    assert not scene.pointing.targets.by_cell  # nothing to point at
    scene.look_at(0)
    assert scene.is_person_to_move and not scene.waits_for_engine
    assert scene.pointing.targets.by_cell


def test_nobody_moves_in_a_finished_game_but_in_its_past(make_session: SessionMaker) -> None:
    scene = played(make_session("connect_four", None), "4 3 4 3 4 3 4")
    assert not scene.is_person_to_move and not scene.waits_for_engine
    scene.look_at(6)
    assert scene.is_person_to_move


def test_what_is_typed_and_held_is_of_one_position(make_session: SessionMaker) -> None:
    scene = played(make_session("chess", None), "e4 e5")
    assert not scene.type("N")
    scene.pointing.point((7, 6))  # the knight on g1
    assert scene.pointing.held == (7, 6)
    scene.look_at(0)
    assert scene.typed == "" and scene.pointing.held is None


@pytest.mark.parametrize(
    ("typed", "is_over", "says"),
    [("c", False, []), ("c2", True, ["c2"]), ("C2", True, ["c2"]), ("z", True, [])],
)
def test_a_typed_move_is_over_when_it_can_be_no_other(
    make_session: SessionMaker, typed: str, is_over: bool, says: list[str]
) -> None:
    session = make_session("tic_tac_toe", None)
    scene = played(session, "")
    assert [scene.type(each) for each in typed][-1] == is_over
    text, actions = scene.end_typing()
    assert text == typed and scene.typed == ""
    assert [session.game.action_to_text(session.state, each) for each in actions] == says


def test_a_hint_is_pointed_out_only_where_it_was_given(make_session: SessionMaker) -> None:
    session = make_session("connect_four", None)
    scene = played(session, "4")
    scene.hint = (session.revision, 3)
    assert scene.hinted == 3
    session.play_text("4")
    scene.show_newest()
    assert scene.hinted is None


def test_mistakes_are_shown_one_after_the_other_and_again(make_session: SessionMaker) -> None:
    scene = played(make_session("tic_tac_toe", None), "a1 b1 b2 c1")
    assert not scene.look_at_next_mistake()
    scene.mistakes = [mistake(2), mistake(0)]
    seen = [(scene.look_at_next_mistake(), scene.ply) for _ in range(3)]
    assert seen == [(True, 2), (True, 0), (True, 2)]
    scene.show_newest()
    assert scene.mistakes == [] and scene.ply == 4


def test_the_latest_thought_is_of_the_position_or_an_earlier_one(
    make_session: SessionMaker,
) -> None:
    session = make_session("connect_four", None, adviser="mcts:20")
    scene = played(session, "4 3")
    assert scene.latest_thought() == (None, True)
    assert session.accept(session.request_thought(1).result(60))
    thought = session.thought_at(1)
    assert thought is not None and scene.latest_thought() == (thought, False)
    assert scene.thought_before_end() == thought
    scene.look_at(1)
    assert scene.latest_thought() == (thought, True) and scene.thought_before_end() is None
    scene.look_at(0)
    assert scene.latest_thought() == (None, True)


def test_signs_of_promotion_are_commands_until_a_move_has_begun(make_session: SessionMaker) -> None:
    keys = Keys(make_session("shogi", None).game, is_watched=False)
    assert not keys.belongs_to_move("+", typed="") and keys.belongs_to_move("+", typed="8h2b")
    assert keys.belongs_to_move("P", typed="") and not keys.belongs_to_move("H", typed="8h2b")
    assert not keys.belongs_to_move(" ", typed="8h")
