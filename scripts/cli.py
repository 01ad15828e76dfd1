"""The `meijin` command: one file a subcommand, imported only when it is asked for."""

from __future__ import annotations

import importlib
import inspect
import os
import re
import signal
import sys

import click

#: subcommand -> (module, what it does); the help is here so that `meijin --help` imports nothing.
COMMANDS = {
    "train": ("scripts.train", "Train from nothing by self-play, or go on with a run."),
    "play": ("scripts.play", "Play against the engine in the terminal."),
    "evaluate": ("scripts.evaluate", "Truth meter, ladder and Elo of a run or a network."),
    "match": ("scripts.match", "Let any two agents play."),
    "exploit": ("scripts.exploit", "An adversary that learns to beat one frozen agent."),
    "tournament": ("scripts.tournament", "Let many agents play, and rate them together."),
    "gtp": ("scripts.gtp", "Serve an agent by the Go Text Protocol, in every game."),
    "uci": ("scripts.uci", "Serve chess or minichess to a program with a board (UCI)."),
    "usi": ("scripts.usi", "Serve shogi or minishogi to a program with a board (USI)."),
    "review": ("scripts.review", "A page about one game: its course, its mistakes, better moves."),
    "analyse": ("scripts.analyse", "Answer questions about positions, in lines of JSON."),
    "lecture": ("scripts.lecture", "From the perceptron to AlphaStar, each a story that runs."),
    "report": ("scripts.report", "One page about a run: curves, games, settings, hardware."),
    "plot": ("scripts.plot", "One picture of a run."),
    "genmove": ("scripts.genmove", "Answer positions with moves, a line each."),
    "simulate": ("scripts.simulate", "Driver, store and learner under a cluster's messages."),
    "bench": ("scripts.bench", "Speed of rules, search, network, self-play and store."),
    "perft": ("scripts.perft", "Count the lines of play of a game, as a test of its rules."),
    "games": ("scripts.games", "List the games and their parameters."),
    "new": ("scripts.new", "Write a game of your own to begin with, in one file."),
    "check": ("scripts.check", "Prove that a game keeps every law, or say where it does not."),
}


class Commands(click.Group):
    """Imports a subcommand when it is called; names the nearest when it does not exist."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Subcommands in the order of first use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand's click command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        command.help = _with_examples_as_written(command.help or "")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest name in the error."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            from games.suggestions import did_you_mean

            hint = did_you_mean(name, COMMANDS, otherwise=f"; there are {', '.join(COMMANDS)}")
            raise click.UsageError(f"no command {name!r}{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Begin with: meijin train connect_four",
)
@click.version_option(package_name="meijin")
def cli() -> None:
    """Self-play reinforcement learning for board games."""


def _with_examples_as_written(text: str) -> str:
    """A help text whose examples keep their lines, one below the other, to be copied from."""
    text = inspect.cleandoc(text)
    found = re.search(r"^(Examples?:)", text, flags=re.M)
    if found is None or "\b" in text:  # none, or written so before
        return text
    before, heading, examples = text[: found.start()], found[1], text[found.end() :]
    lines = [f"  {line.strip()}" for line in examples.splitlines() if line.strip()]
    return "\n".join([before, "\b", heading, *lines])


def main(arguments: list[str] | None = None) -> None:
    """Entry point: every foreseen fault is one line on standard error and a non-zero exit."""
    try:
        code = cli.main(args=arguments, prog_name="meijin", standalone_mode=False)
    except click.exceptions.Exit as error:
        code = error.exit_code
    except click.ClickException as error:
        code = error.exit_code
        _complain(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        code = 130
        signal.signal(
            signal.SIGINT, signal.SIG_DFL
        )  # another one while libraries end: no traceback
    except BrokenPipeError:  # the reader of our output has gone, e.g. `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except Exception as error:
        if not _foreseen(error):
            raise
        code = 2
        _complain(str(error))
    sys.exit(code if isinstance(code, int) else 0)


def _foreseen(error: Exception) -> bool:
    """Whether the error's text was written for the user: it comes from one of our own classes."""
    return type(error).__module__.split(".")[0] in {"games", "engine", "agents", "scripts"}


def _complain(message: str) -> None:
    click.echo(f"meijin: {' '.join(message.split())}", err=True)


if __name__ == "__main__":
    main()
