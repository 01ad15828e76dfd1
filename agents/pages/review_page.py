"""A review of a game as a page: its course, its mistakes, boards to click through, best lines."""

from __future__ import annotations

from typing import Any

from agents.analysis.review import GRADES, Review, ReviewedPosition
from agents.pages.boards import board_facts, cell_of_move, shown_game
from agents.pages.page import render
from agents.records.record import UNKNOWN

_WIDTH, _HEIGHT = 720.0, 180.0  # of the course's picture


def review_page(review: Review, *, source: str, date: str) -> str:
    """The whole page.

    Args:
        review: of the game.
        source: name of the file that the game came from.
        date: when the page was made.
    """
    record = review.record
    game = record.game
    states = record.states()
    facts = board_facts(game)
    names = [
        side if player == UNKNOWN else f"{player} ({side})"
        for player, side in zip(record.players, facts["players"], strict=True)
    ]
    played = [each for each in review.positions if each.played]
    return render(
        "review.html.j2",
        title=f"{names[0]} against {names[1]}",
        lead=f"{game.id}, {len(played)} moves: {_result(review, names)}.",
        has_disc_colours=facts["look"] in ("rack", "hexagons"),
        names=names,
        remarks=record.remarks,
        players=[_player(review, player, name) for player, name in enumerate(names)],
        faults=[_fault(each) for each in review.faults],
        grades=[(name, round(100 * least)) for name, least in GRADES],
        course=_course(review),
        width=_WIDTH,
        height=_HEIGHT,
        data={
            "board": facts,
            "names": names,
            "boards": shown_game(game, states),
            "plies": [
                _ply(
                    review,
                    each,
                    [cell_of_move(game, states[each.ply], c.action) for c in each.candidates],
                )
                for each in review.positions
            ],
        },
        made=(
            f"{source}, reviewed by meijin on {date}: {review.reviewer}, "
            f"{review.visits} simulations a position."
        ),
    )


def _result(review: Review, names: list[str]) -> str:
    result = review.record.result
    if result.endswith("wins"):
        return f"{names[int(result.startswith('second'))]} wins"
    return "a draw" if result == "draw" else "unfinished"


def _player(review: Review, player: int, name: str) -> dict[str, Any]:
    """What the table says of a player."""
    counts = {
        grade: sum(each.grade == grade and each.mover == player for each in review.positions)
        for grade, _ in GRADES
    }
    cost = review.mean_cost(player)
    return {"name": name, "counts": counts, "cost": None if cost is None else f"{100 * cost:.1f}"}


def _number(position: ReviewedPosition) -> int:
    return position.ply + 1


def _fault(position: ReviewedPosition) -> dict[str, Any]:
    best = position.candidates[0]
    return {
        "ply": position.ply,
        "number": _number(position),
        "mover": position.mover,
        "played": position.played,
        "grade": position.grade,
        "cost": round(100 * position.cost),
        "better": " ".join(best.line[:6]),
    }


def _course(review: Review) -> dict[str, Any]:
    """The picture of the course: a line through player 0's expected scores, faults as marks."""
    count = max(len(review.positions) - 1, 1)
    points = [(_WIDTH * each.ply / count, _HEIGHT * (1 - each.score)) for each in review.positions]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    marks = [
        {"x": points[each.ply + 1][0], "y": points[each.ply + 1][1], "grade": each.grade}
        for each in review.faults
    ]
    return {
        "line": line,
        "area": f"0,{_HEIGHT} {line} {points[-1][0]:.1f},{_HEIGHT}",
        "marks": marks,
    }


def _ply(
    review: Review, position: ReviewedPosition, cells: list[list[int] | None]
) -> dict[str, Any]:
    return {
        "mover": position.mover,
        "score": round(position.score, 4),
        "draw": round(position.draw, 4),
        "proven": position.is_proven,
        "played": position.played,
        "cost": round(position.cost, 4),
        "grade": position.grade,
        "best": [
            {
                "move": each.text,
                "score": round(each.score, 4),
                "visits": each.visits,
                "line": " ".join(each.line),
                "cell": cell,
                "proven": each.is_proven,
            }
            for each, cell in zip(position.candidates, cells, strict=True)
        ],
    }
