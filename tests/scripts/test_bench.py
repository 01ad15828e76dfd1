"""`meijin bench` of rules: rows for programs, peers where they are, clear refusals."""

import json

import pytest
from click.testing import CliRunner

import games
from scripts import bench, bench_rules

TIC_TAC_TOE = ["--section", "rules", "--game", "tic_tac_toe", "--seconds", "0.05"]


def run(*arguments):
    return CliRunner().invoke(bench.command, arguments)


def test_rules_are_measured_beside_a_peer_and_with_their_size_and_start():
    pytest.importorskip("pyspiel", reason="open-spiel is not installed")
    result = run(*TIC_TAC_TOE, "--json")
    assert result.exit_code == 0, result.output
    rows = {row["name"]: row for row in json.loads(result.output)}
    assert list(rows) == [
        "rules, batch of 256 from Python",
        "rules, compiled random games",
        "rules, peer's random games",
        "rules, ours over the peer's",
        "rules, a position",
        "rules, first compile",
        "rules, start from the cache",
    ]
    for row in rows.values():
        assert set(row) == {"name", "value", "unit", "settings"} and row["value"] > 0
        assert row["settings"]["game"] == "tic_tac_toe"
    ours, theirs = (
        rows[f"rules, {name}"]["value"] for name in ("compiled random games", "peer's random games")
    )
    assert rows["rules, ours over the peer's"]["value"] == pytest.approx(ours / theirs)
    assert rows["rules, a position"]["value"] == games.make("tic_tac_toe").state_dtype.itemsize
    compiling, starting = (
        rows[f"rules, {name}"]["settings"]["processor"]
        for name in ("first compile", "start from the cache")
    )
    assert starting < compiling


def test_a_peer_that_is_not_there_is_a_row_without_a_value(monkeypatch):
    absent = bench_rules.Peer("no_such_library", "no-such-library", lambda library, game: None)
    monkeypatch.setitem(bench_rules.PEERS, "tic_tac_toe", (absent,))
    monkeypatch.setattr(bench_rules, "_start", lambda spec, cache: (1.0, 1.0))
    result = run(*TIC_TAC_TOE)
    line = next(line for line in result.output.splitlines() if "not installed" in line)
    assert "pip install no-such-library" in line


def test_all_games_are_those_registered(monkeypatch):
    monkeypatch.setattr(
        bench, "rules_rows", lambda game, seconds: iter([bench.Row(game.id, seconds, "s")])
    )
    monkeypatch.setattr(bench_rules, "PEERS", {})
    monkeypatch.setattr(games, "registered_games", lambda: ("tic_tac_toe", "connect_four"))
    result = run("--all-games", "--json")
    assert [row["name"] for row in json.loads(result.output)] == ["tic_tac_toe", "connect_four"]


@pytest.mark.parametrize("name", sorted(set(bench_rules.PEERS) & set(games.registered_games())))
def test_every_peer_that_is_installed_plays_a_whole_game(name):
    game = games.make(name)
    for peer in bench_rules.PEERS[name]:
        library = pytest.importorskip(peer.module, reason=f"{peer.package} is not installed")
        assert peer.random_games(library, game)() > 0


def test_all_games_at_once_are_for_rules_only():
    result = run("--all-games", "--section", "network")
    assert result.exit_code == 2 and "--all-games measures rules" in result.output


def test_a_single_game_is_measured_beside_the_network_alone():
    result = run(
        "--section", "single", "--game", "tic_tac_toe", "--blocks", "1", "--channels", "8",
        "--seconds", "0.3", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    *rows, share = json.loads(result.output)
    assert [row["name"] for row in rows] == [
        "single game",
        "single game",
        "network only, same threads",
    ]
    assert share["unit"] == "share" and all(row["value"] > 0 for row in (*rows, share))
    value = round(share["value"], 3)  # as the others are
    assert share["settings"]["least"] <= value <= share["settings"]["most"]


def test_the_way_from_a_game_to_a_batch_is_measured_in_sizes_and_times():
    result = run("--section", "store", "--game", "tic_tac_toe", "--seconds", "0.02", "--json",
                 "--blocks", "1", "--channels", "8")  # fmt: skip
    assert result.exit_code == 0, result.output
    rows = {row["name"]: row for row in json.loads(result.output)}
    assert all(row["value"] > 0 for row in rows.values())
    game = games.make("tic_tac_toe")
    plies = rows["store, an episode packed"]["settings"]["plies"]
    assert rows["store, an episode on the disk"]["value"] > plies * game.state_dtype.itemsize
    assert 0 < rows["store, rows that are trained on"]["value"] < plies
    assert rows["weights, a version"]["unit"] == "B"
