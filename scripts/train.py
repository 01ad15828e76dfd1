"""`meijin train`: train a game from nothing, or go on with a run."""

from __future__ import annotations

import math
import shlex
import signal
import sys
import time
import tomllib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from engine.orchestration.run_directory import RunDirectory

#: Of the games, with --league: AlphaStar's main agents play half of theirs against the past; here
#: only one side of such a game is learned from, so that it yields half as much.
_LEAGUE_SHARE = 0.25

_SAME_SIGNAL_SECONDS = 0.5


@click.command("train")
@click.argument("game", required=False)
@click.option(
    "--run", "run_path", type=click.Path(path_type=Path), help="Run directory [runs/GAME]."
)
@click.option(
    "--minutes",
    type=float,
    help="Training time over all starts, from the first games on [60].",
)
@click.option("--workers", type=int, help="Self-play processes [one for each core, or GPU].")
@click.option(
    "--device", help="Where networks run: auto, cpu, cuda (every GPU), cuda:1, mps [auto]."
)
@click.option("--seed", type=int, help="Root seed of a new run [drawn].")
@click.option(
    "--network", type=click.Choice(["resnet", "cnn", "perceptron"]), help="Kind of network."
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Any setting of a new run, e.g. --set search.simulations=128; may be repeated.",
)
@click.option(
    "--ray",
    "ray_address",
    metavar="[ADDRESS]",
    is_flag=False,
    flag_value="",
    help="Workers on Ray: on this machine, or on the cluster at HOST:PORT or ray://HOST:10001; "
    "name GAME before it.",
)
@click.option(
    "--league",
    is_flag=True,
    help="A quarter of the games against older versions of the run's own weights.",
)
@click.option("--no-judge", is_flag=True, help="Do not measure strength while training.")
@click.option("--plain", is_flag=True, help="Lines instead of the live screen.")
def command(
    game: str | None,
    run_path: Path | None,
    minutes: float | None,
    workers: int | None,
    device: str | None,
    seed: int | None,
    network: str | None,
    settings: tuple[str, ...],
    ray_address: str | None,
    league: bool,
    no_judge: bool,
    plain: bool,
) -> None:
    """Train GAME by self-play from nothing; the same command goes on after a stop or a crash.

    Examples:
      meijin train connect_four

      meijin train connect_four --minutes 10 --run runs/quick

      meijin train --run runs/quick --minutes 60

      meijin train go9 --device cuda

      meijin train connect_four --ray 10.0.0.1:6379

      meijin train connect_four --league --set league.share=0.3
    """
    if game is None and run_path is None:
        raise click.UsageError("name a game, e.g.: meijin train connect_four")
    if minutes is not None and not minutes > 0:
        raise click.UsageError(f"--minutes must be more than 0, not {minutes:g}")
    if workers is not None and workers < 1:
        raise click.UsageError(f"--workers must be at least 1, not {workers}")
    if seed is not None and seed < 0:
        raise click.UsageError(f"--seed must not be negative, not {seed}")

    from engine.config import encode_config
    from engine.orchestration.loop import TrainingLoop
    from engine.orchestration.reports import Watcher
    from engine.orchestration.run_directory import RunDirectory
    from games import make
    from scripts.progress import LiveScreen, PlainLines, TensorBoard

    address = None
    if ray_address is not None:  # before anything that takes long
        from engine.orchestration.ray_address import check_reachable, read_address

        address = read_address(ray_address)
        check_reachable(address)
    made = make(game) if game is not None else None
    if run_path is None:
        assert made is not None  # one of the two was given
        run_path = Path("runs") / _folder_name(made.id)
    run = RunDirectory(run_path)
    fresh = not run.exists
    has_league = not fresh and run.config().league.share > 0  # it keeps its share
    explicit = _explicit(
        minutes, workers, seed, network, settings, league=league and not has_league
    )
    if device is not None:
        explicit["device"] = device
    if fresh:
        if made is None:
            raise click.UsageError(
                f"{run.path} is not a run directory; name a game to start one there"
            )
        config = _new_config(made, explicit)
    else:
        config = run.config()
        if made is not None and made.id != config.game:
            raise click.ClickException(
                f"{run.path} is a run of {config.game}, not of {made.id}; choose another with --run"
            )
        config = _continued(config, explicit, run.path)
    made = make(config.game)
    with ExitStack() as held:
        if fresh:
            run.check_place()
        else:
            held.enter_context(run.hold())
            _refuse_what_is_done(run, config.minutes, ray_address)
        # Before anything is written: a device or a cluster that is not there leaves nothing behind.
        carrier = None
        watchers: list[Watcher] = []
        if address is None:
            where = _device(config)
        else:
            from engine.orchestration.ray_carrier import RayCarrier

            if not address.local:
                click.echo(f"Connecting with the cluster at {address.text}")
            carrier = RayCarrier(run, config, address, report=_tell(watchers))
            held.callback(carrier.close)
            where = carrier.summary
        if fresh and run.exists:
            raise click.ClickException(f"{run.path} has just been started by another process")
        if fresh or encode_config(config) != encode_config(run.config()):
            run.create(config)
        if fresh:
            held.enter_context(run.hold())
        live = sys.stdout.isatty() and not plain
        screen = LiveScreen() if live else PlainLines()
        watchers += [TensorBoard(run), screen]
        judge = None
        if not no_judge:
            from scripts.judge import make_judge

            judge = make_judge(made)
        loop = TrainingLoop(
            run,
            config,
            made,
            watchers=watchers,
            carrier=carrier,
            judge=judge,
            judge_minutes=(2, 5, 10, 15, 20),
        )
        click.echo(
            f"{'Starting' if fresh else 'Going on with'} {run.path} ({made.id}, "
            f"seed {config.seed}); Ctrl-C saves and stops"
        )
        click.echo(where)
        stop = _StopSignals()
        try:
            with stop, screen:
                loop.train(stop.asked)
        except KeyboardInterrupt:
            click.echo(
                "Stopped at once: what was not saved is lost, the newest snapshot stands. "
                f"Go on with: {_again(run, ray_address)}"
            )
            raise
    for line in _last_words(run, config.minutes, is_done=loop.done, ray_address=ray_address):
        click.echo(line)


def _refuse_what_is_done(run: RunDirectory, minutes: float, ray_address: str | None) -> None:
    """Told at once: to begin with, devices are tried and a cluster is started.

    Raises:
        click.ClickException: the minutes have been spent by earlier starts.
    """
    from engine.orchestration.chronicle import Chronicle

    had = Chronicle(run, (), league=False).seconds_before / 60
    if had >= minutes:
        raise click.ClickException(
            f"{run.path} has been trained for {had:.1f} minutes already; go on with: "
            f"{_again(run, ray_address)} --minutes {math.ceil(2 * had)}"
        )


def _again(run: RunDirectory, ray_address: str | None) -> str:
    """The command that goes on with a run where it was."""
    ray = "" if ray_address is None else f" --ray {ray_address}".rstrip()
    return f"meijin train --run {shlex.quote(str(run.path))}{ray}"


def _last_words(
    run: RunDirectory, minutes: float, *, is_done: bool, ray_address: str | None = None
) -> list[str]:
    """What there is to do with the run now."""
    if not is_done:
        return [f"Saved. Go on with: {_again(run, ray_address)}"]
    done = f"Done: {run.path} has been trained for {minutes:g} minutes"
    if not run.versions():
        more = f"{_again(run, ray_address)} --minutes {max(2 * minutes, 5):g}"
        return [f"{done}, too short for a first network. Go on with: {more}"]
    return [
        f"{done}.",
        f"  play it:     meijin play {run.path}",
        f"  measure it:  meijin evaluate {run.path}",
        f"  picture:     meijin plot {run.path}",
    ]


def _tell(watchers: Sequence[Any]) -> Callable[[str], None]:
    """Sentences of whoever has no loop yet go where the training's go."""

    def tell(sentence: str) -> None:
        for watcher in watchers:
            watcher.say(sentence)

    return tell


class _StopSignals:
    """Turns Ctrl-C and SIGTERM into a wish to stop; a second Ctrl-C ends at once.

    Whoever passes signals on may send one twice: ``timeout`` does, to its child and to the group.
    So a second one counts when a person could have sent it.
    """

    def __init__(self) -> None:
        self._asked_at: float | None = None
        self._old: dict[int, Any] = {}

    def asked(self) -> bool:
        return self._asked_at is not None

    def __enter__(self) -> _StopSignals:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._old[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def _take(self, number: int, frame: object) -> None:
        now = time.monotonic()
        if self._asked_at is None:
            self._asked_at = now
        elif now - self._asked_at >= _SAME_SIGNAL_SECONDS:
            raise KeyboardInterrupt


def _device(config: Any) -> str:
    """What the run's device is and why, as a sentence.

    Raises:
        click.ClickException: it does not work.
    """
    from engine.devices.choice import DeviceError, choose_device

    try:
        chosen = choose_device(config.device)
    except DeviceError as error:
        raise click.ClickException(str(error)) from None
    if config.league.share and not chosen.is_cpu:
        raise click.ClickException(
            f"a league plays on processors, not on {', '.join(chosen.names)}; add --device cpu"
        )
    return chosen.reason


def _folder_name(game_id: str) -> str:
    """``connect_four(width=5)`` as ``connect_four_width5``; of a file, its name alone."""
    name, bracket, arguments = game_id.partition("(")
    kept = f"{Path(name).stem}{bracket}{arguments}".replace("(", "_").replace(")", "")
    return kept.replace("=", "").replace(",", "_").replace(":", "_")


def _explicit(
    minutes: float | None,
    workers: int | None,
    seed: int | None,
    network: str | None,
    settings: tuple[str, ...],
    *,
    league: bool,
) -> dict[str, Any]:
    """Settings named on the command line, nested."""
    from engine.config import merge, parse_setting

    values: dict[str, Any] = {"league": {"share": _LEAGUE_SHARE}} if league else {}
    for text in settings:
        values = merge(values, parse_setting(text))
    if minutes is not None:
        values["minutes"] = minutes
    if workers is not None:
        values["workers"] = workers
    if seed is not None:
        values["seed"] = seed
    if network is not None:
        values = merge(values, {"network": {"kind": network}})
    return values


def _new_config(game: Any, explicit: dict[str, Any]) -> Any:
    """Defaults, under the game's preset, under what the command line says.

    What follows from the game is settled here, so that the run keeps it.
    """
    import msgspec

    from engine.config import build_config, check_fits, merge
    from engine.search.look_ahead import settled
    from engine.seeds import fresh_seed
    from engine.selfplay.bootstrap import playouts_for

    values: dict[str, Any] = {"seed": fresh_seed()}
    preset = _preset(game)
    if preset is not None:
        values = merge(values, tomllib.loads(preset.read_text(encoding="utf-8")))
    values = merge(values, {"game": game.id})
    config = build_config(merge(values, explicit), source="settings")
    check_fits(config, game)
    bootstrap = config.bootstrap
    if bootstrap.simulations is None:
        bootstrap = msgspec.structs.replace(bootstrap, simulations=playouts_for(game))
    return msgspec.structs.replace(config, search=settled(config.search, game), bootstrap=bootstrap)


def _preset(game: Any) -> Path | None:
    """Settings for exactly these parameters of a game, or else for the game of any size."""
    kind = game.name.partition(":")[0]  # all of pettingzoo:... share one
    for name in (_folder_name(game.id), kind):
        file = Path(__file__).parent / "presets" / f"{name}.toml"
        if file.is_file():
            return file
    return None


def _continued(config: Any, explicit: dict[str, Any], path: Path) -> Any:
    """A run keeps its settings; only its minutes, and what it runs on, may change.

    Raises:
        click.UsageError: another setting was named.
    """
    import msgspec

    from engine.config import build_config, merge

    changed = build_config(merge(msgspec.to_builtins(config), explicit), source="settings")
    for field in msgspec.structs.fields(type(config)):
        if field.name in {"minutes", "workers", "device", "gpu"}:
            continue
        if getattr(changed, field.name) != getattr(config, field.name):
            raise click.UsageError(
                f"{path} was started with another {field.name!r} (see its run.toml); only "
                "--minutes, --workers, --device and gpu.* may change; start anew with another --run"
            )
    return changed
