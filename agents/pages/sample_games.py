"""Games of a run's self-play for its page: early, middle and late ones, as they were played."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agents.pages.boards import shown_game
from engine.learning.sealed import FileError, StorageError
from engine.learning.shards import read_shard
from engine.records import Episode
from games.game import UNPROVEN, Game

_STAGES = ("early", "middle", "late")
_MOST_PIECES = 60_000  # drawn in all games together, so that the page stays small


def sample_games(folder: Path, game: Game, *, each: int = 2) -> list[dict[str, Any]]:
    """Games of the first, the middle and the last shard of a run that can be read.

    Args:
        folder: of the run's episodes.
        game: theirs.
        each: games of each.

    Returns:
        What ``templates/report.html.j2`` shows; fewer games where boards are large.
    """
    paths = sorted(folder.glob("episodes-*.safetensors"))
    chosen = dict.fromkeys(paths[len(paths) * part // 4] for part in (0, 2)) if paths else {}
    places = [*chosen, paths[-1]] if paths else []
    games: list[dict[str, Any]] = []
    left = _MOST_PIECES
    for stage, path in zip(_STAGES, places, strict=False):
        try:
            episodes = read_shard(path, game=game).episodes.unpack()
        except (FileError, StorageError):
            continue  # damaged, or pruned meanwhile by a training that goes on
        # Of late games, those of the newest weights.
        episodes.sort(key=lambda episode: (episode.weights_version, episode.id))
        some = episodes[-each:] if stage == "late" else episodes[:each]
        for number, episode in enumerate(some, start=1):
            shown = _shown(game, episode, f"{stage} {number}")
            left -= sum(len(board["pieces"]) for board in shown["boards"])
            if left < 0 and games:
                return games
            games.append(shown)
    return games


def _shown(game: Game, episode: Episode, name: str) -> dict[str, Any]:
    states = [*episode.states]
    texts = [
        game.action_to_text(state, int(action))
        for state, action in zip(episode.states, episode.actions, strict=True)
    ]
    last = game.rules.initial(1)
    last[0] = episode.states[-1]
    game.rules.step(last, episode.actions[-1:])
    states.append(last[0])
    scores = [(1 + float(value)) / 2 for value in episode.values[:, 0]]
    scores.append((1 + float(episode.returns[0])) / 2)
    notes = [
        _note(game, state, texts[ply], int(episode.best_actions[ply]), int(episode.proven[ply]))
        for ply, state in enumerate(episode.states)
    ]
    first, second = (float(each) for each in episode.returns)
    result = "draw" if first == second else f"{_player(game, int(second > first))} wins"
    return {
        "name": name,
        "version": episode.weights_version,
        "result": result,
        "moves": texts,
        "scores": [round(score, 3) for score in scores],
        "notes": notes,
        "boards": shown_game(game, states),
    }


def _note(game: Game, state: Any, played: str, best: int, proven: int) -> str:
    """What the search thought of a move that was played."""
    liked = game.action_to_text(state, best) if best >= 0 else played
    known = {1: "; it knew that this wins", 0: "; it knew a draw", -1: "; it knew that all lose"}
    chose = "the search's own choice" if liked == played else f"exploring; the search liked {liked}"
    return f"{played}: {chose}{known[proven] if proven != UNPROVEN else ''}"


def _player(game: Game, player: int) -> str:
    return game.board_view(game.rules.initial(1)[0]).player_names[player]
