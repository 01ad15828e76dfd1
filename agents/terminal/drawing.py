"""The screen of a session: every part of it drawn from the session and what is pointed at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.widgets import Static

from agents.terminal.board_view import NO_TARGETS
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
from agents.terminal.thought import Thought
from games.game import NUM_PLAYERS
from games.raster import drops_pieces

if TYPE_CHECKING:
    from agents.terminal.app import PlayApp

_LOADING = "Loading the engine; the first start compiles it …"


class Drawing:
    """Draws an application's parts; it keeps nothing itself."""

    def __init__(self, app: PlayApp) -> None:
        self._app = app
        self._drops = drops_pieces(app.session.game)

    def draw(self) -> None:
        """Everything."""
        app, session = self._app, self._app.session
        view = session.game.board_view(app.state)
        self._draw_board()
        self._static("#title").update(self._title())
        self._static("#players").update(players_text(session, app.state))
        self._static("#status").update(self._status())
        thought, is_current = self._latest_thought()
        advice = thought if thought is None or thought.moves else self._thought_before_end()
        heading = "Win chance" if is_current else "Win chance, before its last move"
        if thought is not None and thought.is_proven and not app.state["finished"]:
            heading = heading.replace("Win chance", "Proven result")
        self._static("#chances-heading").update(heading)
        self._static("#chances").update(chances_text(thought, view.player_names))
        self._static("#line").update(line_text(advice))
        self._static("#mistakes").update(mistakes_text(app.mistakes, current=app.ply))
        moves = self._static("#moves")
        moves.update(moves_table(advice, rows=max(1, moves.size.height - 1)))
        app.set_class(bool(app.mistakes), "reviewed")
        app.set_class(app.shown is not None, "past")
        self._draw_strip()

    def _draw_board(self) -> None:
        app, session = self._app, self._app.session
        is_person = app.is_person_to_move
        pointing = app.pointing if is_person else Pointing()
        hint = None
        if app.hint is not None and app.hint[0] == session.revision and is_person:
            hint = app.hint[1] if app.hint[1] in pointing.targets.landing else None
        view = session.game.board_view(app.state)
        marks = board_marks(session, view, pointing, ply=app.ply, hint=hint, drops=self._drops)
        targets = pointing.targets if is_person else NO_TARGETS
        app.board.show(view, targets=targets, marks=marks)
        has_hands = pieces_in_hand(session.game, app.state) is not None
        app.set_class(has_hands, "hands")
        to_play = int(app.state["to_play"])
        for player in range(NUM_PLAYERS if has_hands else 0):
            can_drop = is_person and player == to_play
            held = pointing.held if can_drop and isinstance(pointing.held, str) else None
            text = hand_text(session, app.state, player, held=held, can_drop=can_drop)
            self._static(f"#hand-{player}").update(text)
        question, actions = "", targets.named
        if pointing.choices:
            question, actions = "Which? ", pointing.choices
        texts = [(each, session.game.action_to_text(app.state, each)) for each in actions]
        self._static("#choices").update(choices_text(texts, question=question))
        app.set_class(bool(texts) or self._has_named_moves(), "choices")

    def _has_named_moves(self) -> bool:
        """Whether the line for moves without a square is kept free, so that the board stays."""
        game = self._app.session.game
        return game.cell_of_action(game.num_actions - 1) is None

    def _draw_strip(self) -> None:
        app, session = self._app, self._app.session
        strip, plies = self._static("#strip"), len(session.states)
        thoughts = [session.thought_at(ply) for ply in range(plies)]
        expectations = [None if each is None else each.expectation(0) for each in thoughts]
        width, height = strip.content_size
        if width and height:
            strip.update(strip_text(expectations, width=width, height=height))
            marks = mark_strip(plies, width=width, shown=app.ply, mistakes=app.mistakes)
            self._static("#strip-marks").update(marks)

    def _latest_thought(self) -> tuple[Thought | None, bool]:
        """The newest opinion up to the position shown, and whether it is about that."""
        last = self._app.ply
        for ply in range(last, -1, -1):
            thought = self._app.session.thought_at(ply)
            if thought is not None:
                return thought, ply == last
        return None, True

    def _thought_before_end(self) -> Thought | None:
        """The last opinion about a position that still had moves."""
        plies = range(self._app.ply - 1, -1, -1)
        return next(filter(None, (self._app.session.thought_at(ply) for ply in plies)), None)

    def _title(self) -> Text:
        session = self._app.session
        text = Text(" MEIJIN ", style="bold").append(f" {session.game.id}")
        strength = session.strength
        if strength is not None:
            text.append(f"   {strength.text}", style="dim")
            if strength.rating is not None:
                text.append(f"   {strength.rating.text}", style="dim")
        return text

    def _status(self) -> Text:
        app, session = self._app, self._app.session
        if app.reviewing is not None:
            return Text(f"Reviewing position {app.reviewing + 1} of {len(session.states)} …")
        if app.shown is not None:
            return self._status_of_the_past()
        if session.is_finished:
            return Text(session.result_text, style="bold").append("\n" + app.notice)
        if app.typed:
            return Text(f"Move: {app.typed}_", style="bold")
        if app.notice:
            return Text(app.notice, style="bold rgb(255,140,120)" if app.is_failure else "bold")
        names = session.game.board_view(session.state).player_names
        turn = names[int(session.state["to_play"])]
        if app.is_thinking:
            who = f"{turn} is" if session.is_watched else "The engine is"
            return Text(f"{who} thinking …" if app.is_loaded else _LOADING)
        turn = f"{'Paused' if app.is_paused else 'Your move'}: {turn}"
        if not session.actions:
            return Text(turn)
        before = session.states[-2]
        mover = int(before["to_play"])
        if session.engine_of(mover) is None:
            return Text(turn)
        played = session.game.action_to_text(before, session.actions[-1])
        return Text(f"{turn}\n{names[mover]} played {played}")

    def _status_of_the_past(self) -> Text:
        app, session = self._app, self._app.session
        text = Text(f"After {app.ply} of {len(session.actions)} moves; ", style="bold")
        text.append(f"then {session.move_texts[app.ply]}")
        if app.typed:
            return text.append(f"\nMove: {app.typed}_", style="bold")
        if app.notice:
            return text.append("\n" + app.notice)
        return text.append("\nA move goes on from here.")

    def _static(self, name: str) -> Static:
        # Not of the newest screen: the game goes on below a question.
        return self._app.screen_stack[0].query_one(name, Static)
