"""How a tournament stands: tables for people, facts for programs, and a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.table import Table

from agents.arena.elo import Rating
from agents.arena.match import Tally
from agents.arena.tournament import Standings


def tallies_of(standings: Standings) -> dict[str, Tally]:
    """Wins, draws and losses of every player."""
    tallies = dict.fromkeys(standings.players, Tally())
    for each in standings.games:
        for name, result in ((each.first, each.result), (each.second, -each.result)):
            tallies[name] += Tally(int(result > 0), int(result == 0), int(result < 0))
    return tallies


def standings_facts(standings: Standings) -> dict[str, Any]:
    """For programs; intervals are 95 % and of the difference to the anchor."""
    ratings = standings.ratings
    tallies = tallies_of(standings)
    return {
        "game": standings.game_id,
        "games": len(standings.games),
        "duplicates": standings.duplicates,
        "anchor": ratings.anchor,
        "players": [
            {
                "name": name,
                "elo": round(ratings.players[name].elo, 1),
                "elo_95": _rounded(ratings.players[name]),
                "games": tallies[name].games,
                "wins": tallies[name].wins,
                "draws": tallies[name].draws,
                "losses": tallies[name].losses,
                "score": round(tallies[name].score, 5),
            }
            for name in standings.players
        ],
        "superiority": {
            a: {b: round(ratings.superiority(a, b), 4) for b in standings.players if b != a}
            for a in standings.players
        },
        "pairs": [
            {"first": a, "second": b, "games": tally.games, "score": round(tally.score, 5)}
            for (a, b), tally in _pairs(standings).items()
        ],
        "first_player_advantage": {
            "elo": round(ratings.first_player_advantage.elo, 1),
            "elo_95": _rounded(ratings.first_player_advantage),
        },
        "even_draw_rate": round(ratings.even_draw_rate, 4),
    }


def _rounded(rating: Rating) -> list[float]:
    return [round(rating.low, 1), round(rating.high, 1)]


def _pairs(standings: Standings) -> dict[tuple[str, str], Tally]:
    """Results of every two players who met, from the view of the higher rated."""
    place = {name: index for index, name in enumerate(standings.players)}
    tallies: dict[tuple[str, str], Tally] = {}
    for each in standings.games:
        a, b, result = each.first, each.second, each.result
        if place[a] > place[b]:
            a, b, result = b, a, -result
        one = Tally(int(result > 0), int(result == 0), int(result < 0))
        tallies[a, b] = tallies.get((a, b), Tally()) + one
    return dict(sorted(tallies.items(), key=lambda item: [place[name] for name in item[0]]))


def ranking_table(standings: Standings) -> Table:
    """Who is how strong."""
    ratings, tallies = standings.ratings, tallies_of(standings)
    advantage = ratings.first_player_advantage
    repeats = (
        f"; {standings.duplicates} games repeat others move by move" if standings.duplicates else ""
    )
    table = Table(
        title=f"{len(standings.games)} games of {standings.game_id}",
        caption=(
            f"{ratings.anchor} is 0 Elo; moving first is worth {advantage.elo:.0f} "
            f"({advantage.low:.0f}..{advantage.high:.0f}){repeats}"
        ),
    )
    for heading in ("", "player", "Elo", "95 %", "games", "wins", "draws", "losses", "score"):
        table.add_column(heading, justify="left" if heading == "player" else "right")
    for number, name in enumerate(standings.players, 1):
        rating, tally = ratings.players[name], tallies[name]
        is_anchor = name == ratings.anchor
        table.add_row(
            str(number),
            name,
            f"{rating.elo:.0f}",
            "" if is_anchor else f"{rating.low:.0f} to {rating.high:.0f}",
            *(str(each) for each in (tally.games, tally.wins, tally.draws, tally.losses)),
            f"{tally.score:.1%}",
        )
    return table


def superiority_table(standings: Standings) -> Table:
    """How likely it is that the player of the row is stronger than that of the column."""
    table = Table(
        title="likelihood of superiority in percent, and games played",
        caption="row over column, by the normal approximation",
    )
    table.add_column("")
    for number in range(1, len(standings.players) + 1):
        table.add_column(str(number), justify="right")
    met = {pair: tally.games for pair, tally in _pairs(standings).items()}
    for number, a in enumerate(standings.players, 1):
        cells = []
        for b in standings.players:
            games = met.get((a, b), 0) + met.get((b, a), 0)
            share = standings.ratings.superiority(a, b)
            cells.append("" if a == b else f"{100 * share:.1f} ({games})")
        table.add_row(f"{number} {a}", *cells)
    return table


def draw_standings(standings: Standings, *, target: Path) -> None:
    """Write a picture: ratings with intervals, and who scored how much against whom.

    Args:
        standings: of a tournament.
        target: the suffix chooses the format (png, svg, pdf).
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np

    names = list(standings.players)
    count = len(names)
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(5 + 0.95 * count, 1.8 + 0.42 * count), constrained_layout=True
    )
    ratings = [standings.ratings.players[name] for name in names]
    places = np.arange(count)
    left.errorbar(
        [each.elo for each in ratings],
        places,
        xerr=[
            [each.elo - each.low for each in ratings],
            [each.high - each.elo for each in ratings],
        ],
        fmt="o",
        capsize=3,
    )
    left.set_yticks(places, [f"{number} {name}" for number, name in enumerate(names, 1)])
    left.invert_yaxis()
    left.set_xlabel(f"Elo, {standings.ratings.anchor} = 0; bars: 95 %")
    left.grid(alpha=0.3)
    left.set_title(f"{standings.game_id}, {len(standings.games)} games")
    scores = np.full((count, count), np.nan)
    for (a, b), tally in _pairs(standings).items():
        i, j = names.index(a), names.index(b)
        scores[i, j], scores[j, i] = tally.score, 1.0 - tally.score
    right.imshow(scores, vmin=0, vmax=1, cmap="RdYlGn", aspect="auto")
    for i, j in zip(*np.nonzero(~np.isnan(scores)), strict=True):
        right.text(j, i, f"{100 * scores[i, j]:.0f}", ha="center", va="center", fontsize=8)
    right.set_xticks(places, [str(number) for number in range(1, count + 1)])
    right.set_yticks(places, [str(number) for number in range(1, count + 1)])
    right.set_title("score of the row against the column in %")
    figure.savefig(target, dpi=100)
    plt.close(figure)
