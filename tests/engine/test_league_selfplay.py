"""Games against older versions: who moves, what is learned from, whom it is played against."""

import hashlib
import re
from collections import Counter

import msgspec
import numpy as np
import pytest

from engine.config import RunConfig, build_config, check_fits, encode_config
from engine.learning.packed import pack
from engine.learning.payoffs import DECAY, Payoff, Payoffs, payoffs_of
from engine.learning.shards import Pruned, count, read_shard, write_shard
from engine.learning.store import EpisodeStore
from engine.records import ITSELF, Evaluation
from engine.search.config import SearchConfig
from engine.search.search import Search
from engine.selfplay.actor import Actor
from engine.selfplay.config import LeagueConfig, SelfPlayConfig
from engine.selfplay.league_actor import LeagueActor
from engine.selfplay.pfsp import draw_opponent, priorities, spaced
from games import make

GAMES = 12
PLAIN = SearchConfig(
    algorithm="puct", simulations=1, prove_plies=0, ending_nodes=0, root_ending_nodes=0
)
SELFPLAY = SelfPlayConfig(
    games=GAMES, fast_simulations=1, sampled_plies=0, opening_share=0.5, opening_plies=3,
    play_on_share=1.0,
)  # fmt: skip


class Fond:
    """Likes one legal move above all: the first (0), the last (-1) or another slot."""

    def __init__(self, game, slot):
        self.game, self.slot = game, slot

    def evaluate(self, states, actions, counts):
        logits = np.full((len(states), self.game.max_legal), -30, np.float32)
        for row, number in enumerate(counts):
            logits[row, self.slot % number] = 0
        return Evaluation(
            policy_logits=logits,
            values=np.zeros((len(states), 2), np.float32),
            draws=np.ones(len(states), np.float32),
        )


@pytest.fixture(scope="module")
def game():
    return make("tic_tac_toe")


def search(game, slot):
    return Search(game, Fond(game, slot), PLAIN, num_trees=GAMES, max_simulations=1)


def league_actor(game, **settings):
    return LeagueActor(
        game,
        search(game, 0),
        [search(game, -1), search(game, 1)],
        version=3,
        config=SELFPLAY,
        simulations=1,
        name="l",
        seed=1,
        **settings,
    )


def fond_of(game, state, slot):
    """What a search over ``Fond`` plays: a move that wins at once, or else what it is fond of."""
    legal = game.legal(state)
    after = np.repeat(np.array([state], game.state_dtype), len(legal))
    game.rules.step(after, np.array(legal, np.int32))
    wins = after["returns"][:, state["to_play"]] > 0
    return [each for each, win in zip(legal, wins, strict=True) if win] or [
        legal[slot % len(legal)]
    ]


def test_each_side_moves_by_its_own_weights_and_only_the_newest_are_learned_from(game):
    actor = league_actor(game)
    slots = {3: -1, 7: 1}
    episodes = []
    for ply in range(60):
        episodes += actor.play_ply(weights_version=9)
        if ply >= 20 and actor.free_chair == 1:
            actor.seat(7)
    assert {episode.opponent for episode in episodes} == {3, 7}
    assert {episode.learner for episode in episodes} == {0, 1}
    trained = 0
    for episode in episodes:
        assert episode.weights_version == 9
        for state, action, weight in zip(
            episode.states, episode.actions, episode.weights, strict=True
        ):
            if state["to_play"] == episode.learner:
                assert action in fond_of(game, state, 0)
                trained += weight > 0
            else:
                assert action in fond_of(game, state, slots[episode.opponent])
                assert weight == 0
    assert trained > 100
    # Ids are those of one actor, in the order in which the games were begun.
    assert len({episode.id for episode in episodes}) == len(episodes)


def test_a_chair_is_free_when_no_game_is_played_against_it(game):
    actor = league_actor(game)
    assert actor.free_chair == 1  # nobody sits there yet, and the first games are all begun
    actor.seat(7)
    assert actor.free_chair is None
    seen = []
    while actor.free_chair is None:
        seen += actor.play_ply(weights_version=9)
    assert Counter(episode.opponent for episode in seen)[3] == GAMES  # all that were begun
    assert actor.free_chair == 0


def test_values_of_all_plies_are_those_of_the_newest_weights(game):
    """The other side's plies are looked at as well: targets never mix two networks."""
    actor = league_actor(game)
    episodes = [each for _ in range(20) for each in actor.play_ply(weights_version=9)]
    best = [
        (int(best), fond_of(game, state, 0))
        for episode in episodes
        for state, best in zip(episode.states, episode.best_actions, strict=True)
    ]
    assert all(found in own for found, own in best)


def test_plain_self_play_says_nothing_of_a_league(game, tmp_path):
    actor = Actor(game, search(game, 0), config=SELFPLAY, simulations=1, name="w", seed=1)
    episodes = [each for _ in range(12) for each in actor.play_ply(weights_version=2)]
    assert {(each.opponent, each.learner) for each in episodes} == {(ITSELF, ITSELF)}
    path = tmp_path / "episodes-00000001.safetensors"
    packed = pack(episodes, game=game)
    write_shard(path, packed, game=game, pruned=Pruned(counters=count(packed)))
    text = path.read_bytes()
    assert b"opponents" not in text and b"payoffs" not in text
    assert read_shard(path, game=game).pruned.counters == count(packed)


def test_a_run_without_a_league_has_the_stamp_that_it_had_before_there_was_one():
    config = RunConfig(game="tic_tac_toe", seed=3, minutes=1.0)
    text, found = re.subn(r"\n\[league\]\n[^\[]*", "", encode_config(config))
    assert found == 1
    digest = hashlib.sha256(text.encode()).digest()
    assert config.settings_hash == int.from_bytes(digest[:8], "little") >> 1
    other = msgspec.structs.replace(config, league=LeagueConfig(opponents=3))
    assert other.settings_hash == config.settings_hash
    league = msgspec.structs.replace(config, league=LeagueConfig(share=0.25))
    assert league.settings_hash != config.settings_hash


def test_a_league_needs_a_game_beside_its_own(game):
    config = build_config(
        {"game": "tic_tac_toe", "league": {"share": 0.2}, "selfplay": {"games": 1}}, source="test"
    )
    with pytest.raises(ValueError, match=r"selfplay.games to 2"):
        check_fits(config, game)
    assert [LeagueConfig(share=0.25).games_of(games) for games in (128, 16, 3, 2)] == [32, 4, 1, 1]
    assert LeagueConfig(share=0.99).games_of(4) == 3
    assert LeagueConfig().games_of(128) == 0


def test_opponents_are_drawn_by_the_chance_of_beating_them():
    rng = np.random.default_rng(0)
    chances = {4: 0.9, 8: 0.5, 12: 0.2}
    drawn = Counter(draw_opponent(chances, "hard", rng) for _ in range(4000))
    expected = priorities(list(chances.values()), "hard") * 4000
    for version, count_ in zip(chances, expected, strict=True):
        assert abs(drawn[version] - count_) < 5 * np.sqrt(count_) + 1
    with pytest.raises(ValueError, match="no opponents"):
        draw_opponent({}, "hard", rng)


@pytest.mark.parametrize("most", [1, 2, 8])
def test_kept_versions_are_few_lie_over_the_whole_course_and_stay(most):
    before: set[int] = set()
    seen: set[int] = set()
    for newest in range(1, 400):
        kept = spaced(newest, most)
        assert len(kept) <= most
        assert len(kept) >= min(most // 2, newest - 1)
        assert all(0 < version < newest for version in kept)
        gaps = np.diff([0, *kept])
        assert len(set(gaps.tolist())) <= 1
        # None comes back after it was dropped, and none comes late: its file would be gone.
        new = set(kept) - before
        assert new <= {newest - 1} and not new & seen
        before, seen = set(kept), seen | set(kept)


def a_league(game, plies, version=3):
    actor = league_actor(game)
    return pack(
        [each for _ in range(plies) for each in actor.play_ply(weights_version=version)], game=game
    )


def test_payoffs_are_those_of_the_learner_and_add_up_in_any_parts(game):
    packed = a_league(game, 40)
    whole = payoffs_of(packed)
    results = packed.returns[np.arange(len(packed)), packed.learners]
    assert whole.games == len(packed) and set(whole.by_version) == {3}
    weights = DECAY ** np.arange(len(packed))[::-1]
    chance = (weights * (results + 1) / 2).sum() / weights.sum()
    assert whole.of(3).chance == pytest.approx(chance)
    assert whole.of(99) == Payoff() and whole.of(99).chance == 0.5
    rng = np.random.default_rng(2)
    for _ in range(5):
        cuts = np.sort(rng.integers(0, len(packed) + 1, 2))
        rows = np.arange(len(packed))
        parts = [
            payoffs_of(packed.select((rows >= low) & (rows < high)))
            for low, high in zip([0, *cuts], [*cuts, len(packed)], strict=True)
        ]
        for joined in (parts[0] + parts[1] + parts[2], parts[0] + (parts[1] + parts[2])):
            assert joined.games == whole.games
            assert joined.of(3).chance == pytest.approx(whole.of(3).chance)
    assert Payoffs.from_facts(whole.as_facts()) == whole


def test_payoffs_outlive_pruned_shards_and_another_start(game, tmp_path):
    store = EpisodeStore(tmp_path, game, keep_rows=150)
    everything = EpisodeStore(tmp_path / "all", game)
    for number, part in enumerate(np.array_split(np.arange(200), 8)):
        packed = a_league(game, 120)
        chosen = packed.select(np.isin(np.arange(len(packed)), part))
        chosen.ids[:] = [f"{number}-{name}" for name in chosen.ids]
        for each in (store, everything):
            each.append_packed(chosen)
    assert len(store.numbers) < len(everything.numbers)
    again = EpisodeStore(tmp_path, game, keep_rows=150)
    for found in (store, again):
        assert found.counters.payoffs.games == everything.counters.payoffs.games
        assert found.counters.payoffs.of(3).chance == pytest.approx(
            everything.counters.payoffs.of(3).chance
        )
