"""PettingZoo environments as games: the same rules, searched, played, trained and refused."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import foreign_environments as own
import numpy as np
import pytest

import games
from engine.inference.uniform import UniformEvaluator
from engine.preflight.laws import brute_force
from engine.search.config import SearchConfig
from engine.search.search import Search
from games.bridges import aec_env, foreign_game
from games.bridges.planes import PlaneConversion
from games.game import UNPROVEN

pytest.importorskip("pygame", reason="PettingZoo's classic environments need pettingzoo[classic]")

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
TIC_TAC_TOE, CONNECT_FOUR = "pettingzoo:tictactoe_v3", "pettingzoo:connect_four_v3"
SPECS = (
    TIC_TAC_TOE,
    CONNECT_FOUR,
    "pettingzoo:go_v5(max_plies=60,board_size=5)",
    "pettingzoo:foreign_environments.Nim",
    "pettingzoo:foreign_environments.Stubborn",
    "pettingzoo:foreign_environments.Nim(heap=7,mask_in_info=True)",
    "pettingzoo:foreign_environments.Endless(max_plies=6)",
)

_spec = importlib.util.spec_from_file_location("laws", ROOT / "tests/contracts/test_every_game.py")
laws = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(laws)

#: Laws of every game that are not about its notation, nor about chances that Endless has not.
LAWS = (
    laws.test_the_id_makes_the_same_game_again,
    laws.test_the_start_position_is_fresh,
    laws.test_legal_actions_are_ascending_padded_and_empty_exactly_when_finished,
    laws.test_returns_sum_to_zero_and_stay_zero_until_the_end,
    laws.test_plies_count_half_moves_and_stay_within_the_limit,
    laws.test_a_batch_equals_batches_of_one,
    laws.test_stepping_some_rows_leaves_the_others_alone,
    laws.test_reading_methods_do_not_change_states,
    laws.test_equal_positions_have_equal_keys_and_different_ones_do_not,
    laws.test_text_of_moves_and_positions_reads_back,
    laws.test_the_board_view_fits_the_drawn_text,
    laws.test_symmetries_are_permutations_and_the_first_is_the_identity,
)


@pytest.fixture(autouse=True)
def small_games(monkeypatch):
    """As many random games as Python can play."""
    whole = laws.random_games
    monkeypatch.setattr(laws, "random_games", lambda spec, count=15: whole(spec, min(count, 15)))


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("spec", SPECS)
def test_a_foreign_game_keeps_the_laws_of_every_game(spec, law):
    law(spec)


@pytest.mark.parametrize(
    ("foreign", "ours", "action_map"),
    [
        (CONNECT_FOUR, "connect_four", range(7)),
        (TIC_TAC_TOE, "tic_tac_toe", range(9)),
    ],
)
def test_two_makers_of_one_game_agree_move_by_move(foreign, ours, action_map):
    theirs, own_game = games.make(foreign), games.make(ours)
    rng = np.random.default_rng(4)
    for _ in range(60):
        first, second = theirs.rules.initial(1), own_game.rules.initial(1)
        while not second[0]["finished"]:
            legal = own_game.legal(second[0])
            assert theirs.legal(first[0]) == legal
            assert first[0]["to_play"] == second[0]["to_play"]
            planes, expected = laws.planes_of(theirs, first), laws.planes_of(own_game, second)
            assert (planes == expected[:, :2]).all()
            action = np.array([action_map[rng.choice(legal)]], np.int32)
            theirs.rules.step(first, action)
            own_game.rules.step(second, action)
        assert first[0]["finished"] and (first[0]["returns"] == second[0]["returns"]).all()


def test_our_own_environment_comes_back_as_the_game_it_was_made_from():
    game = games.make("tic_tac_toe")
    foreign = foreign_game(lambda: aec_env("tic_tac_toe"), channels="first", max_plies=9)
    assert foreign.observation_shape == game.observation_shape
    rng = np.random.default_rng(0)
    for _ in range(20):
        first, second = foreign.rules.initial(1), game.rules.initial(1)
        while not second[0]["finished"]:
            assert foreign.legal(first[0]) == game.legal(second[0])
            assert (laws.planes_of(foreign, first) == laws.planes_of(game, second)).all()
            action = np.array([rng.choice(game.legal(second[0]))], np.int32)
            foreign.rules.step(first, action)
            game.rules.step(second, action)
        assert (first[0]["returns"] == second[0]["returns"]).all()


def test_chess_ends_when_a_draw_can_be_claimed():
    game = games.make("pettingzoo:chess_v6(max_plies=100)")
    assert game.max_legal == 218 and game.num_actions == 4672
    states = game.rules.initial(1)
    environment = game.rules.positions.fresh_line().environment.unwrapped
    from pettingzoo.classic.chess import chess_utils

    def play(uci: str) -> None:
        import chess

        environment.board = chess.Board()
        for action in states[0]["moves"][: states[0]["ply"]]:
            mover = 0 if environment.board.turn else 1
            environment.board.push(chess_utils.action_to_move(environment.board, action, mover))
        mover = 0 if environment.board.turn else 1
        wanted = next(
            action
            for action in game.legal(states[0])
            if chess_utils.action_to_move(environment.board, action, mover).uci() == uci
        )
        game.rules.step(states, np.array([wanted], np.int32))

    for uci in ("g1f3", "g8f6", "f3g1", "f6g8", "g1f3", "g8f6", "f3g1"):
        assert not states[0]["finished"]
        play(uci)
    # Black to move could repeat the position for the third time: PettingZoo's game is over.
    assert states[0]["finished"] and (states[0]["returns"] == 0).all()


@pytest.mark.parametrize("spec", SPECS)
def test_proofs_within_the_budget_are_those_of_brute_force(spec):
    game = games.make(spec)
    states, _ = laws.random_games(spec)
    sample = states[np.random.default_rng(1).choice(len(states), 12)]
    budget = game.rules.prove_positions
    try:
        for plies in range(3):
            expected = [brute_force(game, state, plies, {}) for state in sample]
            outcomes = np.empty(len(sample), np.int8)
            game.rules.prove_positions = 10_000
            game.rules.prove(sample, plies, outcomes)
            assert outcomes.tolist() == expected
            game.rules.prove_positions = 12
            game.rules.prove(sample, plies, outcomes)
            assert all(
                found in (UNPROVEN, truth)
                for found, truth in zip(outcomes.tolist(), expected, strict=True)
            )
    finally:
        game.rules.prove_positions = budget


@pytest.mark.parametrize("spec", SPECS)
def test_forgetting_everything_changes_no_answer(spec):
    """What is remembered and kept only saves time: with room for nothing all is the same."""
    game = games.make(spec)
    states, _ = laws.random_games(spec)
    expected = [laws.legal_of(game, states), laws.planes_of(game, states)]
    positions = game.rules.positions
    known, kept = positions._most_known, positions._most_kept
    try:
        positions._most_known = positions._most_kept = 1
        positions._known.clear()
        positions._kept.clear()
        order = np.random.default_rng(0).permutation(len(states))[:80]
        legal, counts = laws.legal_of(game, states[order])
        assert (legal == expected[0][0][order]).all() and (counts == expected[0][1][order]).all()
        positions._known.clear()
        assert (laws.planes_of(game, states[order]) == expected[1][order]).all()
        assert len(positions._known) <= 1 and len(positions._kept) <= 1
    finally:
        positions._most_known, positions._most_kept = known, kept


def test_what_can_be_copied_is_found_out():
    assert games.make(CONNECT_FOUR).rules.positions._copies
    assert not games.make("pettingzoo:foreign_environments.Stubborn").rules.positions._copies


def test_random_games_follow_their_generator():
    game = games.make(CONNECT_FOUR)
    first, second, other = (game.rules.initial(20) for _ in range(3))
    for states, seed in ((first, 3), (second, 3), (other, 4)):
        game.rules.play_out(states, np.array([seed], np.uint64))
        assert states["finished"].all()
    assert (first == second).all() and not (first == other).all()


def test_threads_may_ask_at_the_same_time():
    game = games.make(TIC_TAC_TOE)
    game.rules.positions._known.clear()
    results = []

    def work(seed: int) -> None:
        states = game.rules.initial(30)
        game.rules.play_out(states, np.array([seed], np.uint64))
        results.append(bool(states["finished"].all()))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 4


def search_one(spec: str, moves: list[int], simulations: int):
    game = games.make(spec)
    search = Search(
        game, UniformEvaluator(game), SearchConfig(simulations=simulations), num_trees=1
    )
    search.set_roots(np.array([game.after(moves)], game.state_dtype))
    return search.run()


def test_a_search_finds_a_win_and_stops_one():
    # Player 0 has 0 and 1 and wins by 2; player 1 to move must block there.
    result = search_one(TIC_TAC_TOE, [0, 3, 1, 4], 50)
    assert result.best_actions[0] == 2 and result.proven[0] == 1
    result = search_one(TIC_TAC_TOE, [0, 4, 1], 200)
    assert result.best_actions[0] == 2
    # Three in a column, and the fourth is free.
    result = search_one(CONNECT_FOUR, [3, 0, 3, 0, 3, 1], 50)
    assert result.best_actions[0] == 3 and result.proven[0] == 1


def test_a_search_knows_who_moves_again():
    # Of four matches: take two (and move again), take two. Taking one gives that to the other.
    result = search_one("pettingzoo:foreign_environments.Nim", [0], 60)
    assert result.best_actions[0] == 1 and result.proven[0] == 1


def test_search_with_threads_and_without_finds_the_same():
    game = games.make(TIC_TAC_TOE)
    found = []
    for threads in (1, 2):
        search = Search(
            game,
            UniformEvaluator(game),
            SearchConfig(simulations=32),
            num_trees=4,
            threads=threads,
            seed=1,
        )
        search.set_roots(game.rules.initial(4))
        found.append(search.run().visits)
    assert (found[0] == found[1]).all()


def test_agents_play_a_foreign_game():
    from agents.factory import make_agent

    game = games.make(CONNECT_FOUR)
    state = game.after([3, 0, 3, 0, 3, 1])
    for text in ("one_ply", "mcts:60"):
        assert make_agent(text, game=game).move(state) == 3
    with pytest.raises(games.GameError, match="alpha_beta needs compiled rules"):
        make_agent("alpha_beta:3", game=game)


# --- What does not fit ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (own.Dealt, "there is chance in it: equal moves differ after 0 plies"),
        (own.Maskless, "no action_mask"),
        (own.Stuck, "no action is legal after . plies, and the game goes on"),
        (own.Trio, "it has 3 agents, not two"),
        (own.Wordy, "observations must be arrays"),
        (own.Boundless, "without bounds"),
        (own.Nameless, "a dictionary without 'observation'"),
        (own.Smooth, "actions must be numbers from 0 on"),
        (own.Uneven, "its agents have 2 and 3 actions"),
        (own.Generous, "no zero-sum game"),
        (own.Rich, r"results lie in -1\.\.1"),
        ("leduc_holdem_v4", "there is chance in it"),
        ("texas_holdem_no_limit_v6", "there is chance in it"),
        ("rps_v2", "observations must be arrays"),
        ("foreign_environments.Nim(heap=five)", "cannot be made"),
        ("foreign_environments.Nim(matches=5)", "unexpected keyword argument 'matches'"),
        ("foreign_environments.Nim(max_plies=0)", "max_plies is 1 to 32767, not 0"),
        ("foreign_environments.Nim(max_plies=many)", "max_plies is 1 to 32767, not 'many'"),
        ("foreign_environments.Nim(max_legal=9)", "max_legal is 1 to 2, not 9"),
        ("foreign_environments.Nim(channels=middle)", "channels are first or last"),
        ("os.getcwd", "it is a str, not an AECEnv"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason_in_one_line(environment, message):
    text = environment if isinstance(environment, str) else None
    with pytest.raises(games.GameError, match=message) as caught:
        games.make(f"pettingzoo:{text}") if text else foreign_game(environment)
    assert len(str(caught.value).splitlines()) == 1
    assert "cannot be a game of Meijin" in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("pettingzoo:conect_four_v3", "connect_four_v3"),
        ("pettingzoo:", "no PettingZoo environment ''"),
        ("pettingzoo:no.such.module", "no PettingZoo environment 'no.such.module'"),
        ("pettingzoo:a b.c", "no PettingZoo environment 'a b.c'"),
        ("pettingzoo:tictactoe_v3(max_plies)", "write parameter=value"),
        ("pettingzoo:tictactoe_v3(max_plies=9,max_plies=8)", "given twice"),
        ("pettingzoo:local_1f", "only its own process has"),
        ("petingzoo:tictactoe_v3", "no game 'petingzoo:tictactoe_v3'"),
    ],
)
def test_names_of_nothing_are_refused(spec, message):
    with pytest.raises(games.GameError, match=message) as caught:
        games.make(spec)
    assert len(str(caught.value).splitlines()) == 1


def test_too_many_legal_actions_are_named():
    with pytest.raises(games.GameError, match="9 actions are legal after 0 plies, more than max_"):
        games.make("pettingzoo:tictactoe_v3(max_legal=5)")


def test_environments_that_share_state_are_not_mixed():
    name = "pettingzoo:foreign_environments.Shared"
    first = games.make(f"{name}(size=3)")
    with pytest.raises(games.GameError, match="they share state"):
        games.make(f"{name}(size=4)")
    assert games.make(f"{name}(size=3)") is first
    planes = laws.planes_of(first, first.rules.initial(1))
    assert (planes == 255).all()


# --- Names, text, planes -------------------------------------------------------------------------


def test_functions_are_named_so_that_they_can_be_made_again():
    game = foreign_game(own.Nim, heap=6)
    assert game.id == "pettingzoo:foreign_environments.Nim(heap=6)"
    assert games.make(game.id) is game
    local = foreign_game(lambda: own.Nim(4))
    assert local.id.startswith("pettingzoo:local_") and games.make(local.id) is local


def test_limits_that_are_known_need_not_be_said():
    assert games.make(TIC_TAC_TOE).max_plies == 9
    assert games.make(CONNECT_FOUR).max_plies == 42
    assert games.make(CONNECT_FOUR).state_dtype.itemsize == 104
    assert games.make("pettingzoo:foreign_environments.Nim").max_plies == 512


def test_a_game_past_its_limit_is_a_draw():
    game = games.make("pettingzoo:foreign_environments.Endless(max_plies=6)")
    state = game.after([0] * 6)
    assert state["finished"] and (state["returns"] == 0).all() and game.legal(state) == []


def test_positions_are_written_as_their_moves_under_a_board():
    game = games.make(CONNECT_FOUR)
    text = game.state_to_text(game.after([3, 3, 2]))
    assert text.splitlines()[5:] == [
        "1 . . X X . . .",
        "  a b c d e f g",
        "player_1 to move",
        "moves: 3 3 2",
    ]
    for wrong in ("", "player_1 to move", "moves: 9", "moves: 3 3 3 3 3 3 3", "moves: x"):
        with pytest.raises(games.InvalidPositionError):
            game.text_to_state(wrong)
    for wrong in ("", "7", "-1", "a", "²", "3 3"):
        with pytest.raises(games.InvalidMoveError):
            game.text_to_action(game.after([]), wrong)


@pytest.mark.parametrize(
    ("space", "value", "shape", "bytes_", "seen"),
    [
        # whole numbers within 255 are kept, from the lower bound on
        ((0, 1, (2, 3, 4), np.int8), 1, (4, 2, 3), 1, 1.0),
        ((-2, 2, (3,), np.int64), -1, (3, 1, 1), 1, 0.25),
        ((0, 1, (2, 3), np.bool_), True, (1, 2, 3), 1, 1.0),
        # all others are rounded to 255 steps
        ((0, 1000, (2, 2, 1), np.int32), 500, (1, 2, 2), 128, 0.502),
        ((-1.0, 1.0, (2, 2, 1), np.float32), 0.0, (1, 2, 2), 128, 0.502),
        ((0.0, 1.0, (2, 2, 1), np.float32), 7.0, (1, 2, 2), 255, 1.0),
        ((3.0, 3.0, (2,), np.float32), 3.0, (2, 1, 1), 0, 0.0),
    ],
)
def test_numbers_become_bytes(space, value, shape, bytes_, seen):
    from gymnasium import spaces

    low, high, their_shape, dtype = space
    conversion = PlaneConversion.of(spaces.Box(low, high, their_shape, dtype), channels_last=True)
    planes = conversion.convert(np.full(their_shape, value))
    assert planes.shape == conversion.shape == shape and planes.dtype == np.uint8
    assert (planes == bytes_).all()
    assert planes[0, 0, 0] * conversion.scales[0] == pytest.approx(seen, abs=1e-3)


def test_axes_are_moved_as_told():
    from gymnasium import spaces

    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    space = spaces.Box(0, 255, (2, 3, 4), np.uint8)
    last = PlaneConversion.of(space, channels_last=True).convert(array)
    assert (last == array.transpose(2, 0, 1)).all()
    assert (PlaneConversion.of(space, channels_last=False).convert(array) == array).all()


# --- In other processes --------------------------------------------------------------------------


def run_python(code: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{HERE}"},
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_another_process_makes_the_same_game():
    game = games.make(TIC_TAC_TOE)
    printed = run_python(
        f"""
        import games
        game = games.make({TIC_TAC_TOE!r})
        print(game.id, game.source_hash, int(game.after([4, 0])["key"]))
        """
    )
    assert printed.split() == [game.id, game.source_hash, str(game.after([4, 0])["key"])]


def test_without_gymnasium_and_pettingzoo_everything_else_works():
    run_python(
        """
        import pathlib, sys

        class Refuse:
            def find_spec(self, name, path=None, target=None):
                if name.split(".")[0] in ("gymnasium", "pettingzoo"):
                    raise ModuleNotFoundError(f"no {name} here", name=name)

        sys.meta_path.insert(0, Refuse())
        import importlib
        for layer in ("games", "engine", "agents", "scripts"):
            package = importlib.import_module(layer)
            for path in sorted(pathlib.Path(package.__file__).parent.rglob("*.py")):
                name = ".".join(path.relative_to(pathlib.Path.cwd()).with_suffix("").parts)
                apart = ("games.bridges", "template", "evaluations")  # pieces of generated files
                if not any(part in name for part in apart):
                    importlib.import_module(name.removesuffix(".__init__"))
        import games
        from engine.inference.uniform import UniformEvaluator
        from engine.search.search import Search
        game = games.make("tic_tac_toe")
        search = Search(game, UniformEvaluator(game), num_trees=1)
        search.set_roots(game.rules.initial(1))
        assert search.run().visits.sum() > 0
        try:
            games.make("pettingzoo:tictactoe_v3")
        except games.GameError as error:
            assert "which cannot be imported" in str(error), error
        else:
            raise AssertionError
        """
    )


def test_a_foreign_game_is_played_in_the_terminal():
    moves = "4\n0\n8\nquit\n"
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "scripts.cli",
            "play",
            TIC_TAC_TOE,
            "--opponent",
            "random",
            "--plain",
        ],
        input=moves,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    assert "player_1" in result.stdout


def train_until(run: Path, steps: int) -> str:
    """Start or go on with training, stop it by SIGINT after so many steps; what it printed."""
    settings = [
        "network.kind=perceptron", "network.hidden=[32]", "search.simulations=16",
        "selfplay.games=16", "selfplay.fast_simulations=4", "bootstrap.simulations=8",
        "learning.limiter.start_rows=300", "learning.batch_rows=64",
        "inference.precision=float32", "publish_seconds=2",
    ]  # fmt: skip
    asked = [part for text in settings for part in ("--set", text)]
    process = subprocess.Popen(
        [
            sys.executable, "-m", "scripts.cli", "train", TIC_TAC_TOE, "--run", str(run),
            "--seed", "5", "--workers", "1", "--plain", "--no-judge", *asked,
        ],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT,
    )  # fmt: skip
    deadline = time.monotonic() + 240
    while not any(row["steps"] >= steps for row in metrics(run)):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    return output


def metrics(run: Path) -> list[dict]:
    file = run / "metrics.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return [json.loads(line) for line in lines]


@pytest.mark.slow
def test_a_minute_of_training_starts_learns_and_resumes(tmp_path):
    from agents.arena.match import play_match
    from agents.factory import make_agent

    run = tmp_path / "run"
    assert "Starting" in train_until(run, 120)
    first = metrics(run)[-1]
    assert "Going on with" in train_until(run, 600)
    last = metrics(run)[-1]
    assert last["start"] == 2 and last["episodes"] > first["episodes"]
    assert last["losses"]["policy_kl"] < first["losses"]["policy_kl"]
    game = games.make(TIC_TAC_TOE)
    learnt = make_agent(f"policy:{run}", game=game, say=lambda line: None)
    result = play_match(learnt, make_agent("random", game=game, seed=1), games=200, seed=1)
    assert result.total.score > 0.55
