"""`meijin games`: the games and their parameters."""

from __future__ import annotations

import click


@click.command("games")
def command() -> None:
    """List the games and their parameters.

    Example: meijin games
    """
    from games import make, registered_games

    for name in registered_games():
        game = make(name)
        parameters = ", ".join(f"{key}={value}" for key, value in game.parameters.items())
        click.echo(
            f"{name}({parameters})  {game.num_actions} actions, at most {game.max_plies} plies"
        )
