import sqlite3

import numpy as np
import pytest

from agents.agent import AgentError
from agents.alpha_beta.agent import AlphaBetaAgent
from agents.arena.elo import Pairing
from agents.arena.fixtures import Fixture, play_fixtures
from agents.arena.match import Tally, opening_book, play_match
from agents.arena.openings import OpeningBook
from agents.arena.pairing import next_pairs
from agents.arena.rules_signature import rules_signature
from agents.arena.sprt import Sprt
from agents.arena.store import GameStore, StoreError
from agents.arena.tournament import Tournament
from agents.one_ply_agent import OnePlyAgent
from agents.random_agent import RandomAgent
from games import make

GAME = make("tic_tac_toe")
ABOUT = {"game": GAME.id}


def players():
    return [
        RandomAgent(game=GAME),
        OnePlyAgent(game=GAME),
        AlphaBetaAgent(game=GAME, plies=2),
        AlphaBetaAgent(game=GAME, plies=9),
    ]


def tournament(path, *, games, agents=None, choice="informative", parallel=16):
    agents = agents or players()
    store = GameStore(path, about=ABOUT)
    for agent in agents:
        store.enter(agent.name, agent.name)
    book = opening_book(GAME, plies=1, seed=0)
    return Tournament(
        agents, store, games=games, seed=0, book=book, choice=choice, parallel=parallel
    )


def test_every_game_in_flight_is_played_to_its_end_whatever_the_number_at_once():
    book = OpeningBook(GAME, plies=2, seed=1)
    agents = players()

    def fixtures():
        for number in range(20):
            first, second = agents[number % 4], agents[(number + 1) % 4]
            yield Fixture(first, second, tuple(book[number]), number, False)

    for parallel in (1, 7, 64):
        played = list(play_fixtures(fixtures(), game=GAME, parallel=parallel))
        assert sorted(each.fixture.number for each in played) == list(range(20))
        for each in played:
            end = GAME.after(list(each.actions))
            assert end["finished"]
            assert end["returns"][0] == each.result
            assert each.actions[: len(each.fixture.opening)] == each.fixture.opening


def test_the_next_game_is_taken_only_when_there_is_room_for_it():
    agent = OnePlyAgent(game=GAME)
    taken, ended = [], 0

    def fixtures():
        for number in range(12):
            taken.append(number)
            assert len(taken) - ended <= 3
            yield Fixture(agent, agent, (), number, False)

    for _ in play_fixtures(fixtures(), game=GAME, parallel=3):
        ended += 1
    assert ended == 12


def test_a_longer_book_begins_as_a_shorter_one_does():
    game = make("connect_four")
    forwards, backwards = (OpeningBook(game, plies=4, seed=3) for _ in range(2))
    last = [backwards[number] for number in reversed(range(200))]
    assert [forwards[number] for number in range(200)] == last[::-1]
    keys = {int(game.after(list(each))["key"]) for each in last}
    assert len(keys) == 200


def test_a_tournament_is_rated_and_every_game_is_in_the_file(tmp_path):
    played = tournament(tmp_path / "games.db", games=80)
    played.play()
    standings = played.standings()
    assert len(standings.games) == 80
    assert standings.players[0] == "alpha_beta:9"
    assert standings.players[-1] == "random"
    played.store.close()
    rows = sqlite3.connect(tmp_path / "games.db").execute(
        "SELECT opening, first, second, result, moves FROM game"
    )
    met = set()
    for opening, first, second, result, moves in rows:
        end = GAME.after([int(word) for word in moves.split()])
        assert end["finished"] and end["returns"][0] == result
        met.add((opening, first, second))
    assert len(met) == 80
    assert all((opening, b, a) in met for opening, a, b in met)  # both colours


@pytest.mark.parametrize("choice", ["informative", "round-robin"])
def test_a_tournament_that_was_broken_off_goes_on_with_what_is_missing(tmp_path, choice):
    class Stop(Exception):
        pass

    def stop(share):
        if share > 0.4:
            raise Stop

    path = tmp_path / "games.db"
    first = tournament(path, games=60, choice=choice)
    with pytest.raises(Stop):
        first.play(progress=stop)
    kept = list(first.store.games())
    first.store.close()
    assert 0 < len(kept) < 60
    second = tournament(path, games=60, choice=choice)
    assert second.played == len(kept)
    second.play()
    games = list(second.store.games())
    second.store.close()
    assert games[: len(kept)] == kept
    assert len(games) in (60, 61)  # halves of pairs are completed
    places = {(each.first, each.second, each.opening) for each in games}
    assert len(places) == len(games)
    assert all((b, a, number) in places for a, b, number in places)


def test_in_a_round_robin_all_pairs_play_equally_often(tmp_path):
    played = tournament(tmp_path / "games.db", games=72, choice="round-robin")
    played.play()
    counts = {}
    for each in played.store.games():
        pair = frozenset((each.first, each.second))
        counts[pair] = counts.get(pair, 0) + 1
    played.store.close()
    assert list(counts.values()) == [12] * 6


def test_more_players_and_more_games_continue_a_tournament(tmp_path):
    path = tmp_path / "games.db"
    small = tournament(path, games=20, agents=players()[:2])
    small.play()
    small.store.close()
    large = tournament(path, games=60)
    large.play()
    assert len(large.standings().games) == 60
    large.store.close()


def test_the_pair_that_plays_next_is_the_one_whose_order_is_open():
    tables = {
        ("strong", "weak"): Tally(190, 4, 6),
        ("close", "weak"): Tally(190, 4, 6),
        ("strong", "close"): Tally(14, 0, 6),
    }
    pairings = [Pairing(a, b, tally) for (a, b), tally in tables.items()]
    pairings += [
        Pairing(b, a, Tally(tally.losses, tally.draws, tally.wins))
        for (a, b), tally in tables.items()
    ]
    everybody = ["weak", "strong", "close"]
    named = next_pairs(everybody, pairings, blocks=3, games=8)
    assert named == [("strong", "close")] * 3
    begun = {("strong", "close"): 40_000}
    (other,) = next_pairs(everybody, pairings, blocks=1, games=8, pending=begun)
    assert "weak" in other


def test_informative_games_separate_neighbours_better_than_equally_many_of_all_pairs():
    rng = np.random.default_rng(4)
    truth = {"a": 0.0, "b": 400.0, "c": 430.0, "d": 900.0}

    def widest(informative):
        from agents.arena.elo import fit_ratings

        tables = {(x, y): np.zeros(3, int) for x in truth for y in truth if x != y}
        pairs = [(x, y) for x, y in tables if x < y]
        for turn in range(60):
            pairings = [Pairing(x, y, Tally(*map(int, t))) for (x, y), t in tables.items()]
            pair = pairs[turn % len(pairs)]
            if informative and turn >= len(pairs):
                (pair,) = next_pairs(list(truth), pairings, blocks=1, games=8)
            for first, second in (pair, pair[::-1]):
                gap = truth[first] - truth[second]
                wins = rng.binomial(4, 1 / (1 + 10 ** (-gap / 400)))
                tables[first, second] += (wins, 0, 4 - wins)
        pairings = [Pairing(x, y, Tally(*map(int, t))) for (x, y), t in tables.items()]
        found = fit_ratings(pairings, anchor="a").difference("c", "b")
        return found.high - found.low

    assert widest(True) < 0.8 * widest(False)


def test_a_scale_is_measured_from_its_zero_where_a_ranking_looks_at_what_is_open():
    """Two equal players far above the zero: no game between them says how far that is."""
    far = Tally(19, 0, 1)
    even = Tally(10, 0, 10)
    pairings = [Pairing("one", "zero", far), Pairing("other", "zero", far)]
    pairings += [Pairing("one", "other", even), Pairing("other", "one", even)]
    everybody = ["zero", "one", "other"]
    assert next_pairs(everybody, pairings, blocks=2, games=8) == [("one", "other")] * 2
    for pair in next_pairs(everybody, pairings, blocks=4, games=8, zero="zero"):
        assert "zero" in pair


def test_a_file_is_used_by_one_process_at_a_time_and_for_one_game(tmp_path):
    path = tmp_path / "games.db"
    store = GameStore(path, about=ABOUT)
    with pytest.raises(StoreError, match="in use"):
        GameStore(path, about=ABOUT)
    store.close()
    with pytest.raises(StoreError, match="game tic_tac_toe, not go"):
        GameStore(path, about={"game": "go"})
    store = GameStore(path, about=ABOUT)
    store.enter("runs/x@100", "sha256:1")
    with pytest.raises(StoreError, match="has changed since"):
        store.enter("runs/x@100", "sha256:2")
    store.close()


@pytest.mark.parametrize("content", [b"not a database at all", b""])
def test_another_file_is_left_as_it_is(tmp_path, content):
    path = tmp_path / "games.db"
    path.write_bytes(content or b"SQLite format 3\x00" + b"\x00" * 50)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"games\.db cannot be used"):
        GameStore(path, about=ABOUT)
    assert path.read_bytes() == before
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE mine (x)")
    with pytest.raises(StoreError, match="something else"):
        GameStore(other, about=ABOUT)
    with pytest.raises(StoreError, match="no folder"):
        GameStore(tmp_path / "missing" / "games.db", about=ABOUT)


def test_senseless_tournaments_are_refused(tmp_path):
    with pytest.raises(AgentError, match="two players"):
        tournament(tmp_path / "a.db", games=2, agents=players()[:1])
    with pytest.raises(AgentError, match="stands twice"):
        tournament(tmp_path / "b.db", games=2, agents=[players()[0], players()[0]])
    mixed = [RandomAgent(game=GAME), OnePlyAgent(game=make("connect_four"))]
    with pytest.raises(AgentError, match="connect_four"):
        tournament(tmp_path / "c.db", games=2, agents=mixed)


def test_a_sequential_match_stops_early_and_counts_whole_pairs_in_order():
    game = make("connect_four")
    strong, weak = AlphaBetaAgent(game=game, plies=3), RandomAgent(game=game)
    kept = []
    result = play_match(
        strong,
        weak,
        games=2000,
        seed=1,
        sprt=Sprt(0, 100),
        parallel=32,
        keep=kept.append,
    )
    assert result.sprt is not None and result.sprt.verdict == "H1"
    assert result.total.games == 2 * sum(result.sprt.pairs) < 100
    assert len(kept) >= result.total.games
    known = {}
    for pair in range(0, len(result.games), 2):
        known[pair // 2, False], known[pair // 2, True] = result.games[pair : pair + 2]
    again = play_match(
        strong, weak, games=2000, seed=1, sprt=Sprt(0, 100), known=known, keep=_never
    )
    assert again.sprt == result.sprt
    assert again.games == result.games


def _never(outcome):
    raise AssertionError("nothing was left to play")


def test_the_signature_of_rules_tells_games_apart_and_stays():
    names = ("tic_tac_toe", "connect_four", "connect_four(width=6)", "go(size=5)")
    signatures = {name: rules_signature(make(name)) for name in names}
    assert len(set(signatures.values())) == 4
    assert signatures["tic_tac_toe"] == rules_signature(GAME)
