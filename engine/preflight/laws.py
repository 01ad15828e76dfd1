"""Laws of a game's rules, each a function that raises ``LawBroken`` where a game breaks it.

They are asked of games as people write them (``meijin check``) and of every registered game
(``tests/contracts``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.preflight.sample import (
    Games,
    LawBroken,
    differing,
    first_of,
    in_time,
    legal_of,
    look_at_legal,
    move_text,
    planes_of,
    played_text,
    present,
    raise_at,
)
from games.game import UNPROVEN, Game

_MOST_PLIES = 32_767  # ``ply`` has 16 bits
_GAMES_PLAYED_TWICE = 12


def facts_fit_together(game: Game) -> None:
    """Constants are in range and agree with each other."""
    scales = game.observation_scales
    for constant, good, expected, got in (
        ("NUM_ACTIONS", 1 <= game.num_actions <= 1 << 16, "from 1 to 65,536", game.num_actions),
        (
            "MAX_LEGAL",
            1 <= game.max_legal <= game.num_actions,
            f"from 1 to NUM_ACTIONS = {game.num_actions}",
            game.max_legal,
        ),
        ("MAX_PLIES", 1 <= game.max_plies <= _MOST_PLIES, "from 1 to 32,767", game.max_plies),
        (
            "OBSERVATION_SHAPE",
            min(game.observation_shape) >= 1,
            "three sizes: planes, rows, columns",
            game.observation_shape,
        ),
        (
            "OBSERVATION_SCALES",
            scales.shape == (game.observation_shape[0],),
            f"{game.observation_shape[0]} numbers, one for each plane",
            scales.tolist(),
        ),
    ):
        if not good:
            raise LawBroken(
                f"{constant} is {expected}",
                f"it is {got}",
                hint=f"correct {constant}",
                functions=(constant,),
            )
    header = [name for name in game.state_dtype.names or () if name not in game.history_fields]
    if header[:5] != ["key", "ply", "to_play", "finished", "returns"]:
        raise LawBroken(
            "STATE is made by state_dtype(...), which puts the header first",
            f"its first fields are {header[:5]}",
            hint="write STATE = state_dtype((name, type, shape), ...)",
            functions=("STATE",),
        )


def start_is_fresh(game: Game) -> None:
    """Every start position is the same: nothing played, nothing decided."""
    states = game.rules.initial(3)
    fresh = (
        (states["ply"] == 0)
        & ~states["finished"]
        & (states["returns"] == 0).all(1)
        & (states["key"] != 0)
        & np.isin(states["to_play"], (0, 1))
    )
    if not fresh.all() or states[0] != states[1] or states[0] != states[2]:
        raise LawBroken(
            "a start position has ply 0, a key, no result, and is the same every time",
            f"{_header(states[0])}, then {_header(states[1])}",
            hint="initial() gets zeros: set what is not zero, and the key",
            functions=("initial",),
            state=states[0],
        )


def _header(state: np.void) -> str:
    return ", ".join(
        f"{name} {state[name].tolist()}" for name in ("ply", "to_play", "finished", "returns")
    ) + ("" if state["key"] else ", key 0")


def legal_actions_are_in_order(games: Games) -> None:
    """Ascending, different, in range; none exactly where the game is over; -1 behind them."""
    actions, counts = legal_of(games.game, games.states)
    look_at_legal(lambda: games, games.states, actions, counts, games.game)
    behind = np.arange(actions.shape[1]) >= counts[:, None]
    row = first_of((behind & (actions != -1)).any(1))
    if row is not None:
        raise_at(
            games,
            row,
            "the slots behind the legal actions hold -1",
            f"{actions[row].tolist()} for {counts[row]} legal actions",
            hint="legal_actions() writes only what it counts",
            functions=("legal_actions",),
        )


def results_sum_to_zero_at_the_end(games: Games) -> None:
    """Nobody has a result before the end; then what one wins the other loses."""
    states = games.states
    row = first_of((states["returns"] != 0).any(1) & ~states["finished"])
    if row is not None:
        raise_at(
            games,
            row,
            "returns stay zero until the game is finished",
            f"returns are {states[row]['returns'].tolist()} while finished is not set",
            hint="set returns where you set finished, and nowhere else",
            functions=("step",),
        )
    sums = states["returns"].sum(1)
    row = first_of((sums != 0) | ~(np.abs(states["returns"]) <= 1).all(1))
    if row is not None:
        raise_at(
            games,
            row,
            "returns of the two players lie in -1..1 and sum to zero",
            f"returns are {states[row]['returns'].tolist()}",
            hint="give the winner 1 and the loser -1, or leave both zero for a draw",
            functions=("step",),
        )


def plies_are_counted(games: Games) -> None:
    """Each move adds one to ``ply``; ``to_play`` names a player."""
    rows = np.flatnonzero(games.open)
    after = games.states[rows].copy()
    games.game.rules.step(after, np.ascontiguousarray(games.actions[rows]))
    wrong = first_of(after["ply"] != games.states["ply"][rows] + 1)
    if wrong is not None:
        row = int(rows[wrong])
        raise_at(
            games,
            row,
            f"a move adds one to state.ply, here {games.states[row]['ply']}",
            f"after {move_text(games, row)} it is {after[wrong]['ply']}",
            hint="step() needs state.ply += 1",
            functions=("step",),
        )
    row_or_none = first_of(~np.isin(games.states["to_play"], (0, 1)))
    if row_or_none is not None:
        raise_at(
            games,
            row_or_none,
            "state.to_play is 0 or 1",
            f"it is {games.states[row_or_none]['to_play']}",
            hint="step() sets who moves next: state.to_play = 1 - state.to_play, or the same again",
            functions=("step", "initial"),
        )


def rows_are_independent(games: Games, count: int = 300) -> None:
    """A batch gives what its rows give one by one, and a step changes its row alone."""
    game = games.game
    rows = games.some(count)
    states = games.states[rows]
    legal, counts = legal_of(game, states)
    planes = planes_of(game, states)
    playable = np.flatnonzero(games.open[rows])
    stepped = states[playable].copy()
    game.rules.step(stepped, np.ascontiguousarray(games.actions[rows[playable]]))
    for b, row in in_time(enumerate(rows)):
        one = states[b : b + 1]
        one_legal, one_count = legal_of(game, one)
        same = one_count[0] == counts[b] and (one_legal[0] == legal[b]).all()
        if not same or (planes_of(game, one)[0] != planes[b]).any():
            raise_at(
                games,
                int(row),
                "legal_actions() and observe() give the same in a batch as alone",
                "they do not",
                hint="they may read nothing but the state, the actions and constants; an array "
                "from np.empty holds rubbish until it is filled",
                functions=("observe" if same else "legal_actions",),
            )
    for b, place in in_time(enumerate(playable)):
        row = int(rows[place])
        neighbours = np.array([states[place]] * 3)
        before = neighbours.copy()
        game.rules.step(neighbours[1:2], np.array([games.actions[row]], np.int32))
        fields = differing(neighbours[1], stepped[b])
        if fields or neighbours[0] != before[0] or neighbours[2] != before[2]:
            raise_at(
                games,
                row,
                "step() gives the same in a batch as alone, and changes its own state only",
                f"after {move_text(games, row)} {', '.join(fields) or 'another row'} is different",
                hint="step() may read nothing but the state, the action and constants; an array "
                "from np.empty holds rubbish until it is filled",
                functions=("step",),
            )


def reading_changes_nothing(games: Games, count: int = 300) -> None:
    """Only ``step`` changes a state."""
    game = games.game
    rows = games.some(count)
    for name, read in (("legal_actions", legal_of), ("observe", planes_of)):
        states = games.states[rows].copy()
        before = states.copy()
        read(game, states)
        changed = first_of(np.array([a != b for a, b in zip(states, before, strict=True)]))
        if changed is not None:
            raise_at(
                games,
                int(rows[changed]),
                f"{name}() leaves the state as it is",
                f"it changed {', '.join(differing(states[changed], before[changed]))}",
                hint=f"work on local variables in {name}(), or put back what was changed",
                functions=(name,),
            )


def nothing_is_remembered_outside(games: Games) -> None:
    """The same moves lead to the same positions again, from the start and from copies."""
    game = games.game
    for number in in_time(range(min(_GAMES_PLAYED_TWICE, int(games.number.max(initial=0)) + 1))):
        rows = games.rows_of(number)
        state = game.rules.initial(1)
        for row in rows:
            wanted = games.states[row]
            if state[0] != wanted:
                raise_at(
                    games,
                    int(row),
                    "the same moves lead to the same position every time",
                    f"played again they gave another {', '.join(differing(state[0], wanted))}",
                    hint="keep everything in fields of STATE: no module-level array that rules "
                    "write to, no random numbers, no np.empty that is read before it is filled",
                    functions=("step", "initial"),
                )
            if games.actions[row] >= 0:
                game.rules.step(state, games.actions[row : row + 1])


def keys_tell_positions_apart(games: Games) -> None:
    """Equal positions have equal keys, different ones different keys, and no key is zero."""
    states = games.states
    row = first_of(states["key"] == 0)
    if row is not None:
        raise_at(
            games,
            row,
            "state.key is not zero",
            "it is",
            hint="compute the key in initial() and at the end of step(), with mix()",
            functions=("step", "initial"),
        )
    by_position: dict[bytes, int] = {}
    by_key: dict[int, tuple[bytes, int]] = {}
    for row, position in enumerate(present(games.game, states)):
        key = int(states[row]["key"])
        first = by_position.setdefault(position, row)
        if int(states[first]["key"]) != key:
            raise_at(
                games,
                row,
                "the same position has the same key, whatever moves led to it",
                f"after {played_text(games, first)} the key is {int(states[first]['key']):#x}, "
                f"here it is {key:#x}",
                hint="compute the key from the fields, or put into the record (and into the key) "
                "what makes the positions different",
                functions=("step",),
            )
        known, other = by_key.setdefault(key, (position, row))
        if known != position:
            fields = [
                name for name in differing(states[row], states[other]) if name not in ("key", "ply")
            ]
            raise_at(
                games,
                row,
                "different positions have different keys",
                f"the position after {played_text(games, other)} has the same key {key:#x} but "
                f"another {', '.join(fields) or 'legal list or observation'}",
                hint="let every field that matters go into the key, mixed with its place; update "
                "the key in step() after everything else; type constants np.uint64, since a uint64 "
                "that meets an int stops being one",
                functions=("step",),
            )


def observations_are_small_and_full(games: Games, count: int = 2000) -> None:
    """Scaled planes lie in 0..1, and each shows something in some position."""
    game = games.game
    rows = games.some(count)
    seen = planes_of(game, games.states[rows]) * game.observation_scales[:, None, None]
    row = first_of((seen.max(axis=(1, 2, 3)) > 1) | (seen.min(axis=(1, 2, 3)) < 0))
    if row is not None:
        plane = int(np.argmax(np.abs(seen[row]).max(axis=(1, 2))))
        raise_at(
            games,
            int(rows[row]),
            "planes times OBSERVATION_SCALES lie in 0..1",
            f"plane {plane} reaches {seen[row, plane].max():g}",
            hint="write 0 and 1, or give the plane a scale of one over its largest number",
            functions=("observe", "OBSERVATION_SCALES"),
        )
    # What is rare in random play, such as a repetition, may need every position there is.
    shown = np.zeros(game.observation_shape[0], np.bool_)
    for first in range(0, len(games), count):
        if shown.all():
            break
        part = np.ascontiguousarray(games.states[first : first + count])
        shown |= planes_of(game, part).any(axis=(0, 2, 3))
    empty = np.flatnonzero(~shown)
    if len(empty) and not (~games.open & ~games.states["finished"]).any():  # all played to the end
        raise LawBroken(
            "every plane shows something in some position",
            f"plane {empty[0]} was empty in {len(games)} positions of random games",
            hint="fill it in observe(), or leave it out of OBSERVATION_SHAPE",
            functions=("observe", "OBSERVATION_SHAPE"),
        )


def observations_show_the_position(games: Games) -> None:
    """Equal positions look equal; what looks equal is equal, or the same with sides exchanged."""
    game, states = games.game, games.states
    looks: dict[bytes, int] = {}
    by_key: dict[int, bytes] = {}
    rows = np.flatnonzero(~states["finished"])
    for row, planes in zip(rows.tolist(), planes_of(game, states[rows]), strict=True):
        look, key = planes.tobytes(), int(states[row]["key"])
        if by_key.setdefault(key, look) != look:
            raise_at(
                games,
                row,
                "what observe() shows depends on the position alone",
                "the same position, reached in another way, looks different",
                hint="show only what the key is made of",
                functions=("observe",),
            )
        other = looks.setdefault(look, row)
        if int(states[other]["key"]) != key and not _sides_exchanged(games, row, other):
            fields = [n for n in differing(states[row], states[other]) if n not in ("key", "ply")]
            raise_at(
                games,
                row,
                "different positions look different",
                f"the position after {played_text(games, other)} has another "
                f"{', '.join(fields) or 'key'} and shows the same planes",
                hint="add a plane for what is missing (a plane of ones says whose turn it is where "
                "that matters)",
                functions=("observe",),
            )


def _sides_exchanged(games: Games, row: int, other: int) -> bool:
    """Whether two positions that look alike play alike, each for its own player to move.

    Where both sides have the same rules, each may see the other's position as its own.
    """
    game, ours, theirs = games.game, games.states[row], games.states[other]
    legal = game.legal(ours)
    if ours["to_play"] == theirs["to_play"] or legal != game.legal(theirs):
        return False
    actions = np.array(legal, np.int32)
    after, there = np.repeat(ours, len(legal)), np.repeat(theirs, len(legal))
    game.rules.step(after, actions)
    game.rules.step(there, actions)
    going_on = ~after["finished"]
    return bool(
        (after["finished"] == there["finished"]).all()
        and (after["returns"] == there["returns"][:, ::-1]).all()
        and (after["to_play"] != there["to_play"])[going_on].all()
        and (planes_of(game, after) == planes_of(game, there))[going_on].all()
    )


def both_sides_win(games: Games) -> None:
    """Among many random games each player wins one."""
    ends = games.states[games.states["finished"]]
    for player in (0, 1):
        if len(ends) and not (ends["returns"][:, player] > 0).any():
            raise LawBroken(
                "each player wins some random game",
                f"player {player} won none of {len(ends)}",
                hint="look at who gets +1 in step(): returns[0] is the first player's result, and "
                "the mover is state.to_play before you change it",
                functions=("step",),
            )


def random_play_ends(game: Game, count: int = 500) -> None:
    """Compiled random games end, and follow from the generator alone."""
    first, second, other = (game.rules.initial(count) for _ in range(3))
    for states, seed in ((first, 3), (second, 3), (other, 4)):
        game.rules.play_out(states, np.array([seed], np.uint64))
    if not first["finished"].all() or (first != second).any() or (first == other).all():
        raise LawBroken(
            "random games end, and the same seed plays the same games",
            "they do not",
            hint="rules may read nothing but the state, the action and constants",
            functions=("step", "legal_actions"),
        )


def brute_force(game: Game, state: np.void, plies: int, memory: dict[Any, int]) -> int:
    """Outcome for the mover by the definition, in plain Python, with nothing but step and legal."""
    mover = int(state["to_play"])
    if state["finished"]:
        return int(np.sign(state["returns"][mover]))
    if plies == 0:
        return UNPROVEN
    # What is forbidden deeper down may depend on how a position came about.
    known = (state.tobytes() if game.history_fields else int(state["key"]), plies)
    if known not in memory:
        outcomes = []
        for action in game.legal(state):
            child = np.array([state])
            game.rules.step(child, np.array([action], np.int32))
            outcome = brute_force(game, child[0], plies - 1, memory)
            if outcome != UNPROVEN and int(child[0]["to_play"]) != mover:
                outcome = -outcome
            outcomes.append(outcome)
        settled = [outcome for outcome in outcomes if outcome != UNPROVEN]
        if 1 in settled:
            memory[known] = 1
        else:
            memory[known] = max(settled) if len(settled) == len(outcomes) else UNPROVEN
    return memory[known]


def proofs_agree_with_brute_force(games: Games, count: int = 60, work: float = 100_000) -> None:
    """``prove`` (with the game's own ``settled_in_two``) says what exhaustive search says."""
    game = games.game
    rng = np.random.default_rng(1)
    late = np.flatnonzero(games.states["ply"] >= np.quantile(games.states["ply"], 0.5))
    rows = np.sort(rng.choice(late, min(count, len(late)), replace=False))
    states = games.states[rows]
    width = legal_of(game, states)[1].mean()
    memory: dict[Any, int] = {}
    for plies in range(5):
        if len(rows) * width**plies > work:
            break  # in plain Python; the definition is the same at every depth
        outcomes = np.empty(len(states), np.int8)
        game.rules.prove(states, plies, outcomes)
        for row, state, outcome in zip(rows, states, outcomes, strict=True):
            expected = brute_force(game, state, plies, memory)
            if outcome != expected:
                raise_at(
                    games,
                    int(row),
                    f"{plies} plies of exhaustive search give {_outcome(expected)}",
                    f"prove() says {_outcome(int(outcome))}",
                    hint="settled_in_two() must say exactly what two plies of search would; "
                    "without it the engine searches them",
                    functions=("settled_in_two", "step"),
                )


def _outcome(outcome: int) -> str:
    return {1: "WIN", 0: "DRAW", -1: "LOSS", UNPROVEN: "UNPROVEN"}.get(outcome, str(outcome))
