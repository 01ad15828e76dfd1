"""The museum: sixty years of players meet on one board (Rosenblatt 1958 to Silver 2018)."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from agents.arena.elo import Rating
from agents.arena.match import opening_book
from agents.arena.store import GameStore, StoredGame
from agents.arena.tournament import Tournament
from agents.museum.exhibits import EXHIBITS, GAME
from games import make
from scripts.lectures.page import Page

ANCHOR = "rollout MCTS"


def draw_ladder(ratings: dict[str, Rating], years: dict[str, int]) -> Figure:
    """Ratings with their 95 % intervals, in the order of the years."""
    figure, axis = plt.subplots(figsize=(9, 4.2), constrained_layout=True)
    names = sorted(ratings, key=lambda name: years[name])
    for place, name in enumerate(names):
        rating = ratings[name]
        axis.plot([place, place], [rating.low, rating.high], color="C0", linewidth=6, alpha=0.4)
        axis.plot(place, rating.elo, "o", color="C0")
    axis.set_xticks(
        range(len(names)), [f"{years[name] or ''}\n{name}" for name in names], fontsize=8
    )
    axis.set(ylabel=f"Elo above {ANCHOR}")
    axis.grid(axis="y", alpha=0.3)
    return figure


def crosstable(games: Sequence[StoredGame], names: list[str]) -> np.ndarray:
    """Share of the points of each player (row) against each other (column); NaN without games."""
    points, played = np.zeros((2, len(names), len(names)))
    for game in games:
        first, second = names.index(game.first), names.index(game.second)
        points[first, second] += (1 + game.result) / 2
        points[second, first] += (1 - game.result) / 2
        played[first, second] += 1
        played[second, first] += 1
    return np.where(played > 0, points / np.maximum(played, 1), np.nan)


def draw_crosstable(shares: np.ndarray, names: list[str]) -> Figure:
    """Share of the points of each player (row) against each other (column)."""
    figure, axis = plt.subplots(figsize=(7, 6), constrained_layout=True)
    axis.imshow(shares, cmap="RdBu", vmin=0, vmax=1)
    axis.set_xticks(range(len(names)), names, rotation=60, ha="right")
    axis.set_yticks(range(len(names)), names)
    for row, column in np.argwhere(~np.isnan(shares)):
        share = shares[row, column]
        axis.text(
            column,
            row,
            f"{100 * share:.0f}",
            ha="center",
            va="center",
            color="white" if abs(share - 0.5) > 0.3 else "black",
        )
    axis.set_title("% of the points of the row")
    return figure


def story(page: Page, *, quick: bool, seed: int) -> None:
    """Everybody plays everybody, and one ladder."""
    page.text("""
        ## The players

        Each is the idea of its year at the size of a laptop, on Connect Four; none is the machine
        itself. Their networks are small files that come with the package.
    """)
    game = make(GAME)
    exhibits = [each for each in EXHIBITS if not quick or each.name not in {"solver", "AlphaZero"}]
    page.table(
        ("year", "player", "idea of", "here"),
        [(each.year or "", each.name, each.source, each.how) for each in exhibits],
    )
    simulations, games = (8, 2 * 21) if quick else (100, 600)
    agents = [each.make(game, simulations) for each in exhibits]

    page.text("""
        ## Everybody against everybody

        Pairs of games from the same random opening of four stones, each player once first. All
        meet once; after that the pairs play whose games say most about the order. Searchers have
        100 simulations a move, tree search with random games 500.
    """)
    book = opening_book(game, plies=4, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        store = GameStore(Path(folder) / "games.db", about={"game": game.id})
        for agent in agents:
            store.enter(agent.name, agent.name)
        tournament = Tournament(agents, store, games=games, seed=seed, book=book, anchor=ANCHOR)
        tournament.play()
        standings = tournament.standings()
        store.close()
    names = [each.name for each in exhibits]
    shares = crosstable(standings.games, names)
    ratings = standings.ratings
    page.figure(
        draw_crosstable(shares, names),
        "crosstable",
        caption=f"{len(standings.games)} games; {standings.duplicates} of them repeat another.",
    )

    page.text("""
        ## One ladder

        Bradley-Terry ratings with draws and the first move's advantage, fitted to all games. Where
        somebody won or lost everything, the interval is wide and the number says little more than
        the side it lies on.
    """)
    ladder = dict(sorted(ratings.players.items(), key=lambda each: -each[1].elo))
    years = {each.name: each.year for each in exhibits}
    page.table(
        ("player", "year", "Elo", "95 % interval"),
        [
            (name, years[name] or "", f"{each.elo:+.0f}", f"{each.low:+.0f} to {each.high:+.0f}")
            for name, each in ladder.items()
        ],
    )
    page.figure(
        draw_ladder(ratings.players, years),
        "ladder",
        caption="Sixty years on one board; bars are 95 % intervals.",
    )
    page.result(
        f"the first move is worth {ratings.first_player_advantage.elo:+.0f} Elo in these games"
    )
    order = list(ladder)
    page.claim(f"{order[-1]} comes last", holds=order[-1] == "random")
    if not quick:
        page.claim(
            "nobody makes more points against the solver than it makes against them",
            holds=bool(np.nanmin(shares[names.index("solver")]) >= 0.5),
        )
        page.claim(
            "perceptron, CNN and AlphaGo come in the order of their years",
            holds=order.index("AlphaGo") < order.index("CNN") < order.index("perceptron"),
        )
