"""`meijin perft`: how many lines of play a position has, the common test of move generation."""

from __future__ import annotations

import time

import click
import numpy as np

from games.game import Game


@click.command("perft")
@click.argument("game_id", metavar="GAME")
@click.option(
    "--depth", type=click.IntRange(min=1), default=4, show_default=True, help="Half-moves, at most."
)
@click.option(
    "--position", help="Position as the game writes it, such as a FEN; the start if left out."
)
@click.option("--divide", is_flag=True, help="Only the full depth, by first move.")
def command(game_id: str, depth: int, position: str | None, divide: bool) -> None:
    """Count the lines of 1, 2, ... half-moves of GAME, for comparison with other programs.

    Lines that end before do not count; games with draws by repetition or by a counter end there.

    Examples:
      meijin perft chess --depth 5

      meijin perft connect_four --depth 8 --divide
    """
    from games import make
    from scripts.compile_notice import tell_of_compiling

    tell_of_compiling()
    game = make(game_id)
    state = game.rules.initial(1)[0] if position is None else game.text_to_state(position)
    if divide:
        _print_by_move(game, state, depth)
    else:
        _print_by_depth(game, state, depth)


def _print_by_depth(game: Game, state: np.void, depth: int) -> None:
    """One line for each depth, with the time that it took."""
    from games.perft import perft

    for plies in range(1, depth + 1):
        started = time.perf_counter()
        lines = perft(game, state, plies)
        seconds = time.perf_counter() - started
        click.echo(f"{plies:>3} {lines:>16,} {seconds:>9.3f} s {lines / seconds / 1e6:>8.1f} M/s")


def _print_by_move(game: Game, state: np.void, depth: int) -> None:
    """One line for each first move, and the sum."""
    from games.perft import divide

    found = divide(game, state, depth)
    for action, lines in found.items():
        click.echo(f"{game.action_to_text(state, action):>8} {lines:,}")
    click.echo(f"{'sum':>8} {sum(found.values()):,}")
