"""The pre-flight proof of a game: every law in order, each a green or a red line.

First the rules run in plain Python, where an index outside an array, a number too large for its
field or a loop without end is caught with its line. Only rules that pass are compiled, held to the
same laws again and compared with themselves. Then search and learning are tried.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.preflight import abilities, laws, laws_for_people
from engine.preflight.interpreted import game_line, interpret
from engine.preflight.limits import TookTooLong, at_most
from engine.preflight.sample import (
    Games,
    LawBroken,
    differing,
    fields_of,
    joined,
    legal_of,
    planes_of,
    raise_at,
    random_games,
)
from engine.preflight.source_places import changed_globals, place_of, place_of_change, snapshot
from games.game import Game, GameError
from games.registry import make, read_spec

PLAIN, COMPILED, SEARCH, LEARNING = PARTS = ("plain Python", "compiled", "search", "learning")

#: Laws of random games, in the order in which they are tried.
LAWS: tuple[tuple[str, Callable[[Games], None]], ...] = (
    ("legal actions are in order", laws.legal_actions_are_in_order),
    ("results sum to zero, at the end alone", laws.results_sum_to_zero_at_the_end),
    ("plies are counted", laws.plies_are_counted),
    ("reading changes nothing", laws.reading_changes_nothing),
    ("a batch is its rows one by one", laws.rows_are_independent),
    ("keys tell positions apart", laws.keys_tell_positions_apart),
    ("planes are small, none is always empty", laws.observations_are_small_and_full),
    ("planes tell positions apart", laws.observations_show_the_position),
    ("moves as text read back", laws_for_people.moves_read_back),
    ("positions as text read back", laws_for_people.positions_read_back),
    ("the drawn board fits", laws_for_people.views_fit),
    ("symmetries hold in play", laws_for_people.symmetries_hold_in_play),
)

_PLAIN_GAMES = 60
_PLAIN_SECONDS = 3.0  # of a core
_COMPILED_GAMES = 200
_SAMPLE_BYTES = 1e8  # of compiled random games, planes included
_LAW_SECONDS = 30.0  # for one law in plain Python; far more than any needs
_SPEED_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a line is red, as text for people."""

    where: str  # file, function and line of the game
    expected: str
    got: str
    hint: str
    position: str = ""  # drawn
    moves: str = ""  # that lead to it


@dataclass(frozen=True, slots=True)
class Begun:
    """What is tried next, and after how many seconds without an answer it counts as hanging."""

    part: str
    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the proof."""

    part: str
    name: str
    note: str = ""
    fault: Fault | None = None
    seconds: float = 0.0

    @property
    def green(self) -> bool:
        """Whether the law is kept."""
        return self.fault is None


@dataclass(frozen=True, slots=True)
class _Step:
    part: str
    name: str
    run: Callable[[], str | None]  # returns a note
    seconds: float = 120.0
    needed: bool = False  # by all that follows in its part


class Proof:
    """The proof of one game.

    Attributes:
        id: of the game.
        source: its file.
    """

    def __init__(self, spec: str) -> None:
        """Read the game's file.

        Args:
            spec: what ``games.make`` takes.

        Raises:
            GameError: there is no such game, or its file is no game.
        """
        self.spec = spec
        self.id, self.source, _ = read_spec(spec)
        self._plain: Game
        self._module: ModuleType
        self._plain_games: Games
        self._changed: list[str] = []
        self._plain_rate = 0.0
        self._game: Game
        self._games: Games

    def run(self, parts: tuple[str, ...] = PARTS) -> Iterator[Begun | Finding]:
        """Try everything, part by part; a part with a red line is the last."""
        for part in parts:
            red = False
            for step in self._steps(part):
                yield Begun(part, step.name, step.seconds)
                finding = self._try(step)
                yield finding
                red |= not finding.green
                if step.needed and not finding.green:
                    break
            if red:
                return

    def _steps(self, part: str) -> list[_Step]:
        if part == PLAIN:
            in_time = partial(_Step, part, seconds=3 * _LAW_SECONDS)
            return [
                in_time("the file runs, its facts fit", self._load, needed=True),
                in_time("random games end, moves are legal", self._play_plainly, needed=True),
                in_time("nothing is kept outside the record", self._nothing_outside),
                *(in_time(name, partial(self._hold_to, law)) for name, law in LAWS),
            ]
        if part == COMPILED:
            return [
                _Step(part, "compiles", self._compile, 300.0, needed=True),
                _Step(part, "plays as in plain Python", self._compare, needed=True),
                _Step(part, "keeps the same laws in more games", self._all_laws),
                _Step(part, "looking ahead agrees with brute force", self._proofs),
                _Step(part, "random play ends, both sides win", self._many_games),
                _Step(part, "is faster than plain Python", self._speed),
            ]
        if part == SEARCH:
            # The first search on a machine compiles for up to a minute, on a busy one for longer.
            return [_Step(part, "finds wins in three plies", self._find_wins, 600.0)]
        return [_Step(part, "a batch is learnt by heart", self._learn, 600.0)]

    def _try(self, step: _Step) -> Finding:
        begin = time.monotonic()
        note, fault = "", None
        try:
            if step.part == PLAIN:
                with at_most(_LAW_SECONDS):
                    note = step.run() or ""
            else:
                note = step.run() or ""
        except LawBroken as broken:
            fault = self._fault_of(broken)
        except (Exception, TookTooLong) as error:
            fault = self._fault_of_exception(error, step.name)
        return Finding(step.part, step.name, note, fault, time.monotonic() - begin)

    # --- In plain Python -------------------------------------------------------------------------

    def _load(self) -> str:
        self._plain, self._module = interpret(self.spec)
        game = self._plain
        laws.facts_fit_together(game)
        laws.start_is_fresh(game)
        laws_for_people.symmetries_are_permutations(game)
        planes = " x ".join(map(str, game.observation_shape))
        return (
            f"{game.num_actions} actions, at most {game.max_plies} plies, {planes} planes, "
            f"{_counted(game.symmetries.count, 'symmetry', 'symmetries')}, "
            f"{game.state_dtype.itemsize} bytes a state"
        )

    def _play_plainly(self) -> str:
        before = snapshot(self._module)
        begin = time.process_time()

        def in_time() -> bool:
            return time.process_time() - begin < _PLAIN_SECONDS

        parts: list[Games] = []
        while len(parts) < _PLAIN_GAMES and (not parts or in_time()):
            parts.append(random_games(self._plain, 1, seed=len(parts), go_on=in_time))
        self._plain_games = joined(parts)
        self._plain_rate = float(self._plain_games.open.sum()) / (time.process_time() - begin)
        self._changed = changed_globals(self._module, before)
        return _described(self._plain_games)

    def _nothing_outside(self) -> None:
        for name in self._changed:
            raise LawBroken(
                "rules change nothing but the state they are given",
                f"{name} was changed while random games were played",
                hint=f"make {name} a field of STATE: many games are played side by side, copied "
                "and taken back, and each must carry all it needs",
                functions=(name,),
            )
        laws.nothing_is_remembered_outside(self._plain_games)

    def _hold_to(self, law: Callable[[Games], None]) -> None:
        law(self._plain_games)

    # --- Compiled --------------------------------------------------------------------------------

    def _compile(self) -> str:
        begin = time.monotonic()
        game = self._game = make(self.spec)
        spent = time.monotonic() - begin
        plain = self._plain_games
        plies = max(1, len(plain) // (1 + int(plain.number.max())))
        size = game.state_dtype.itemsize + int(np.prod(game.observation_shape))
        count = int(np.clip(_SAMPLE_BYTES / (plies * size), 4, _COMPILED_GAMES))
        self._games = random_games(game, count)
        return f"in {spent:.1f} s; {_described(self._games)}"

    def _compare(self) -> str:
        """The games of plain Python again: every record, legal list and plane must be the same."""
        plain = self._plain_games
        order = np.argsort(plain.number, kind="stable")
        follows = plain.number[order[:-1]] == plain.number[order[1:]]
        rows, after = order[:-1][follows], order[1:][follows]
        states = plain.states[rows].copy()
        self._game.rules.step(states, np.ascontiguousarray(plain.actions[rows]))
        for state, row in zip(states, after, strict=True):
            for name in differing(state, plain.states[row]):
                self._differs(f"field {name}", state[name], plain.states[row][name], row, "step")
        compiled, interpreted = (legal_of(g, plain.states)[0] for g in (self._game, self._plain))
        for row in np.flatnonzero((compiled != interpreted).any(1)).tolist():
            self._differs("list", compiled[row], interpreted[row], row, "legal_actions")
        shown, drawn = (planes_of(g, plain.states) for g in (self._game, self._plain))
        for row in np.flatnonzero((shown != drawn).any((1, 2, 3))).tolist():
            plane = int(np.argmax((shown[row] != drawn[row]).any((1, 2))))
            self._differs(f"plane {plane}", shown[row, plane], drawn[row, plane], row, "observe")
        return f"{len(rows)} moves; every field, legal list and plane"

    def _differs(
        self, what: str, compiled: NDArray[Any], plain: NDArray[Any], row: int, function: str
    ) -> None:
        raise_at(
            self._plain_games,
            int(row),
            f"compiled, {function}() does what the same lines do in plain Python",
            f"{what} is {compiled.tolist()} compiled, {plain.tolist()} in Python",
            hint="type constants np.uint64 where they meet one (compiled, a uint64 that meets an "
            "int becomes signed or a float); look for shifts by 64 bits or more and for arrays "
            "from np.empty that are read before they are filled",
            functions=(function,),
        )

    def _all_laws(self) -> str:
        laws.start_is_fresh(self._game)
        laws.nothing_is_remembered_outside(self._games)
        for _, law in LAWS:
            law(self._games)
        return f"{int(self._games.number.max()) + 1} games"

    def _proofs(self) -> None:
        laws.proofs_agree_with_brute_force(self._games)

    def _many_games(self) -> str:
        laws.random_play_ends(self._game)
        laws.both_sides_win(self._games)
        ends = self._game.rules.initial(2000)
        self._game.rules.play_out(ends, np.array([1], np.uint64))
        first, second = ((ends["returns"][:, player] > 0).mean() for player in (0, 1))
        drawn = (ends["returns"] == 0).all(1).mean()
        return f"first player wins {first:.0%}, second {second:.0%}, draws {drawn:.0%}"

    def _speed(self) -> str:
        states = self._game.rules.initial(64)
        begin, moves = time.process_time(), 0
        while (spent := time.process_time() - begin) < _SPEED_SECONDS or not moves:
            played = states.copy()
            self._game.rules.play_out(played, np.array([moves], np.uint64))
            moves += int(played["ply"].sum())
        rate = moves / spent
        if rate < 2 * self._plain_rate:
            raise LawBroken(
                "compiled rules are many times as fast as plain Python",
                f"{rate:,.0f} moves a second against {self._plain_rate:,.0f}",
                hint="something in step() or legal_actions() is slow even compiled: a large array "
                "made at every move, or a loop over all of a table",
                functions=("step", "legal_actions"),
            )
        return (
            f"{_rounded(rate)} moves/s, {_rounded(self._plain_rate)} in plain Python "
            f"({rate / self._plain_rate:,.0f} times)"
        )

    # --- Search and learning ---------------------------------------------------------------------

    def _find_wins(self) -> str:
        return abilities.search_finds_wins(self._games)

    def _learn(self) -> str:
        return abilities.batch_can_be_learnt(self._games)

    # --- Faults as text --------------------------------------------------------------------------

    def _fault_of(self, broken: LawBroken) -> Fault:
        name = broken.functions[0]
        line = game_line(broken.__cause__, self.source.path) if broken.__cause__ else ""
        if not line and name in self._changed:
            line = place_of_change(self.source, name)
        places = line or ", ".join(place_of(self.source, each) for each in broken.functions)
        return Fault(
            where=f"{self.source.path.name}, {places}",
            expected=broken.expected,
            got=broken.got,
            hint=broken.hint,
            position=self._drawn(broken.state),
            moves=self._as_text(broken.actions),
        )

    def _fault_of_exception(self, error: BaseException, name: str) -> Fault:
        """A red line for what a game's function raised; what is not the game's goes through."""
        line = game_line(error, self.source.path)
        if not line and not isinstance(error, (GameError, TookTooLong)):
            raise error
        hint = "functions for people get records of all positions, finished ones too"
        unmarked = re.search(r"Untyped global name '(\w+)'.*<class 'function'>", str(error))
        if "readonly array" in str(error):
            hint = "compiled rules cannot change a module-level array: make it a field of STATE"
        elif unmarked:
            hint = f"write @rule above {unmarked[1]}(): rules call only what is compiled too"
        elif isinstance(error, (IndexError, OverflowError)):
            hint = "look at the shape and the type of the array that the line reads or writes"
        elif isinstance(error, GameError):
            hint = "docs/add_a_game.md lists what rules may use, and Numba's traps"
        elif isinstance(error, TookTooLong):
            hint = "a loop that never ends for some position"
        said = " ".join(str(error).split())
        shown = isinstance(error, (GameError, TookTooLong))
        return Fault(
            where=f"{self.source.path.name}{', ' if line else ''}{line}",
            expected=f"{name}, without an exception",
            got=said if shown else f"{type(error).__name__}: {said}",
            hint=hint,
        )

    def _drawn(self, state: np.void | None) -> str:
        """A position as the game draws it, or its fields where it cannot."""
        if state is None:
            return ""
        try:
            with at_most(_LAW_SECONDS):
                return str(self._plain.state_to_text(state))
        except (Exception, TookTooLong):
            return ", ".join(f"{name} {state[name].tolist()}" for name in fields_of(state.dtype))

    def _as_text(self, actions: tuple[int, ...]) -> str:
        """Moves from the start, as the game writes them, or as numbers where it cannot."""
        texts = []
        try:
            with at_most(_LAW_SECONDS):
                states = self._plain.rules.initial(1)
                for action in actions:
                    texts.append(str(self._plain.action_to_text(states[0], action)))
                    self._plain.rules.step(states, np.array([action], np.int32))
        except (Exception, TookTooLong):
            return " ".join(map(str, actions))
        return " ".join(texts)


def _described(games: Games) -> str:
    """How long and how wide random games are."""
    ends = games.states["ply"][games.states["finished"]]
    _, counts = legal_of(games.game, games.states[games.open])
    length = f"{ends.min()} to {ends.max()} plies" if len(ends) else "none to the end"
    return (
        f"{_counted(int(games.number.max()) + 1, 'game', 'games')}, {length}, "
        f"{counts.mean():.1f} legal moves on average, {counts.max()} at most"
    )


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _rounded(rate: float) -> str:
    """Two figures of a large number."""
    digits = 10 ** max(0, int(np.log10(max(rate, 1))) - 1)
    return f"{round(rate / digits) * digits:,.0f}"
