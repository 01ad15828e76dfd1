"""`meijin new`: a game of one's own to begin with."""

from __future__ import annotations

from pathlib import Path

import click

TEMPLATE = Path(__file__).resolve().parent / "templates" / "own_game.py"


@click.command("new")
@click.argument("file", type=click.Path(path_type=Path))
def command(file: Path) -> None:
    """Write a whole small game with comments into FILE, to be changed into your own.

    Example: meijin new mygame.py
    """
    if file.suffix != ".py" or not file.stem.isidentifier():
        raise click.UsageError(
            f"{file.name!r} is no name for a game's file; letters, digits and _ before .py, "
            "for example mygame.py"
        )
    if not file.parent.is_dir():
        raise click.ClickException(f"there is no folder {file.parent}; make it first")
    text = TEMPLATE.read_text(encoding="utf-8").replace("FILE", str(file))
    try:
        with file.open("x", encoding="utf-8", newline="\n") as target:
            target.write(text)
    except FileExistsError:
        raise click.ClickException(f"{file} is there already; choose another name") from None
    except OSError as error:
        raise click.ClickException(f"cannot write {file}: {error.strerror}") from None
    click.echo(f"Wrote {file}, a whole game (Clobber). Try it, then change it into yours:")
    for what, example in (
        ("prove it", f"meijin check {file}"),
        ("play it", f"meijin play {file}"),
        ("train it", f"meijin train {file} --minutes 5"),
    ):
        click.echo(f"  {what + ':':10} {example}")
