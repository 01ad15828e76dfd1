"""A scene on the screen: every widget of the application filled from it."""

from __future__ import annotations

from rich.text import Text
from textual.app import App
from textual.screen import Screen
from textual.widgets import Static

from agents.terminal.board_view import NO_TARGETS
from agents.terminal.board_widget import BoardWidget
from agents.terminal.marking import board_marks
from agents.terminal.move_squares import pieces_in_hand
from agents.terminal.panel import (
    chances_text,
    choices_text,
    hand_text,
    line_text,
    mark_strip,
    mistakes_text,
    moves_table,
    players_text,
    strip_text,
)
from agents.terminal.pointing import Pointing
from agents.terminal.scene import Scene
from games.game import NUM_PLAYERS
from games.raster import drops_pieces

_LOADING = "Loading the engine; the first start compiles it …"


class Drawing:
    """Draws a scene; it changes nothing and remembers nothing.

    Args:
        scene: what is drawn.
        app: has the widgets that it is drawn onto.
    """

    def __init__(self, scene: Scene, app: App[None]) -> None:
        self._scene = scene
        self._app = app
        self._drops = drops_pieces(scene.session.game)

    def draw(self) -> None:
        """Everything."""
        scene, session = self._scene, self._scene.session
        view = session.game.board_view(scene.state)
        self._draw_board()
        self._static("#title").update(self._title())
        self._static("#players").update(players_text(session, scene.state))
        self._static("#status").update(self._status())
        thought, is_current = scene.latest_thought()
        advice = thought if thought is None or thought.moves else scene.thought_before_end()
        heading = "Win chance" if is_current else "Win chance, before its last move"
        if thought is not None and thought.is_proven and not scene.state["finished"]:
            heading = heading.replace("Win chance", "Proven result")
        self._static("#chances-heading").update(heading)
        self._static("#chances").update(chances_text(thought, view.player_names))
        self._static("#line").update(line_text(advice))
        self._static("#mistakes").update(mistakes_text(scene.mistakes, current=scene.ply))
        moves = self._static("#moves")
        moves.update(moves_table(advice, rows=max(1, moves.size.height - 1)))
        self._app.set_class(bool(scene.mistakes), "reviewed")
        self._app.set_class(scene.shown is not None, "past")
        self._draw_strip()

    def _draw_board(self) -> None:
        scene, session = self._scene, self._scene.session
        is_person = scene.is_person_to_move
        pointing = scene.pointing if is_person else Pointing()
        view = session.game.board_view(scene.state)
        marks = board_marks(
            session, view, pointing, ply=scene.ply, hint=scene.hinted, drops=self._drops
        )
        targets = pointing.targets if is_person else NO_TARGETS
        self._screen.query_one(BoardWidget).show(view, targets=targets, marks=marks)
        has_hands = pieces_in_hand(session.game, scene.state) is not None
        self._app.set_class(has_hands, "hands")
        to_play = int(scene.state["to_play"])
        for player in range(NUM_PLAYERS if has_hands else 0):
            can_drop = is_person and player == to_play
            held = pointing.held if can_drop and isinstance(pointing.held, str) else None
            text = hand_text(session, scene.state, player, held=held, can_drop=can_drop)
            self._static(f"#hand-{player}").update(text)
        question, actions = "", targets.named
        if pointing.choices:
            question, actions = "Which? ", pointing.choices
        texts = [(each, session.game.action_to_text(scene.state, each)) for each in actions]
        self._static("#choices").update(choices_text(texts, question=question))
        self._app.set_class(bool(texts) or self._has_named_moves(), "choices")

    def _has_named_moves(self) -> bool:
        """Whether the line for moves without a square is kept free, so that the board stays."""
        game = self._scene.session.game
        return game.cell_of_action(game.num_actions - 1) is None

    def _draw_strip(self) -> None:
        scene, session = self._scene, self._scene.session
        strip, plies = self._static("#strip"), len(session.states)
        thoughts = [session.thought_at(ply) for ply in range(plies)]
        expectations = [None if each is None else each.expectation(0) for each in thoughts]
        width, height = strip.content_size
        if width and height:
            strip.update(strip_text(expectations, width=width, height=height))
            marks = mark_strip(plies, width=width, shown=scene.ply, mistakes=scene.mistakes)
            self._static("#strip-marks").update(marks)

    def _title(self) -> Text:
        session = self._scene.session
        text = Text(" MEIJIN ", style="bold").append(f" {session.game.id}")
        strength = session.seats.strength
        if strength is not None:
            text.append(f"   {strength.text}", style="dim")
            if strength.rating is not None:
                text.append(f"   {strength.rating.text}", style="dim")
        return text

    def _status(self) -> Text:
        scene, session = self._scene, self._scene.session
        if scene.reviewing is not None:
            return Text(f"Reviewing position {scene.reviewing + 1} of {len(session.states)} …")
        if scene.shown is not None:
            return self._status_of_the_past()
        if session.is_finished:
            return Text(session.result_text, style="bold").append("\n" + scene.notice)
        if scene.typed:
            return Text(f"Move: {scene.typed}_", style="bold")
        if scene.notice:
            return Text(scene.notice, style="bold rgb(255,140,120)" if scene.is_failure else "bold")
        names = session.game.board_view(session.state).player_names
        turn = names[int(session.state["to_play"])]
        if scene.is_thinking:
            who = f"{turn} is" if session.seats.is_watched else "The engine is"
            return Text(f"{who} thinking …" if scene.is_loaded else _LOADING)
        turn = f"{'Paused' if scene.is_paused else 'Your move'}: {turn}"
        if not session.actions:
            return Text(turn)
        before = session.states[-2]
        mover = int(before["to_play"])
        if session.seats.engine_of(mover) is None:
            return Text(turn)
        played = session.game.action_to_text(before, session.actions[-1])
        return Text(f"{turn}\n{names[mover]} played {played}")

    def _status_of_the_past(self) -> Text:
        scene, session = self._scene, self._scene.session
        text = Text(f"After {scene.ply} of {len(session.actions)} moves; ", style="bold")
        text.append(f"then {session.move_texts[scene.ply]}")
        if scene.typed:
            return text.append(f"\nMove: {scene.typed}_", style="bold")
        if scene.notice:
            return text.append("\n" + scene.notice)
        return text.append("\nA move goes on from here.")

    def _static(self, name: str) -> Static:
        return self._screen.query_one(name, Static)

    @property
    def _screen(self) -> Screen[object]:
        """Not the newest: the game goes on below a question."""
        return self._app.screen_stack[0]
