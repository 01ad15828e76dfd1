"""`meijin games`: the games and their parameters."""

from __future__ import annotations

import ast

import click


@click.command("games")
def command() -> None:
    """List the games and what may be set about them. Nothing is compiled.

    Example: meijin games
    """
    from agents.weights_file import shipped_games
    from games.registry import parameters_of, registered_games, source_of

    for name in registered_games():
        title = (ast.get_docstring(ast.parse(source_of(name).text)) or "").partition("\n")[0]
        known = parameters_of(name)
        settings = ", ".join(f"{key}={parameter.default}" for key, parameter in known.items())
        click.echo(f"{name}({settings})" if known else name)
        click.echo(f"    {title}")
        for key, parameter in known.items():
            click.echo(f"    {key}: {parameter.meaning} ({parameter.range})")
    click.echo(f"A trained network comes with {', '.join(shipped_games())}.")
