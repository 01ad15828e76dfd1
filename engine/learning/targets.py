"""What the network is asked to say: value targets of the rows of an episode.

A target is a distribution over how the game ends for the player to move: win, draw, loss. It mixes
the game's result with what the searches said on the way, going back from the end:

    target_t = (1 - share) * search_t + share * target_tp1        share: ``result_share``

Three cases restart the recursion, because what came later says nothing, or nothing better:

- the exact result of ply t is proven: the target is that result;
- the move of ply t was exploratory (not the search's best) and cost its player more than
  ``blunder_loss`` by the searches before and after it: the target is ``search_t``. What follows a
  blunder says how good the blunder was, not how good the position is (Watkins' Q(lambda) cuts its
  traces at exploratory actions for this reason; here only at those that matter, since in the first
  games, when every value is near zero, the result is all there is to learn from);
- the game ends after ply t: ``target_tp1`` is the result.

With ``result_share`` 1 and ``blunder_loss`` 2 this is AlphaZero's target z; in between it is
TD(lambda) over search values, of the family of KataGo's short-term value targets.

Everything is computed per player (player 0 wins, draw, player 1 wins), so nothing here changes
signs, and a player may move twice; only the last step takes the view of the player to move.

Sources: Watkins 1989, "Learning from delayed rewards"; Sutton and Barto 2018, section 12.10; Silver
et al. 2017; Wu 2019 and KataGo's ``KataGoMethods.md``, "Short-term value targets".
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.learning.config import TargetConfig
from engine.learning.packed import PackedEpisodes
from engine.records import Episode
from games.game import UNPROVEN

WIN, DRAW, LOSS = 0, 1, 2  # columns of a target, and of the network's outcome logits


def outcome_targets(episode: Episode, *, config: TargetConfig) -> NDArray[np.float32]:
    """Win, draw and loss probabilities ``[T, 3]`` for the player to move at each ply."""
    targets = np.empty((len(episode.actions), 3), np.float32)
    _go_back(
        np.ascontiguousarray(episode.states["to_play"]),
        episode.actions,
        episode.best_actions,
        episode.values,
        episode.draws,
        episode.proven,
        episode.returns,
        np.float32(config.result_share),
        np.float32(config.blunder_loss),
        targets,
    )
    return targets


def packed_outcome_targets(
    episodes: PackedEpisodes, *, config: TargetConfig
) -> NDArray[np.float32]:
    """As ``outcome_targets``, of many episodes in one array ``[R, 3]``."""
    targets = np.empty((episodes.plies, 3), np.float32)
    _go_back_each(
        episodes.lengths,
        np.ascontiguousarray(episodes.states["to_play"]),
        episodes.actions,
        episodes.best_actions,
        episodes.values,
        episodes.draws,
        episodes.proven,
        episodes.returns,
        np.float32(config.result_share),
        np.float32(config.blunder_loss),
        targets,
    )
    return targets


@njit(cache=True, nogil=True)
def _go_back_each(
    lengths, to_play, actions, best_actions, values, draws, proven, returns, share, blunder_loss,
    targets,
):  # fmt: skip
    """``_go_back`` for every episode."""
    first = 0
    for e in range(len(lengths)):
        last = first + lengths[e]
        _go_back(
            to_play[first:last],
            actions[first:last],
            best_actions[first:last],
            values[first:last],
            draws[first:last],
            proven[first:last],
            returns[e],
            share,
            blunder_loss,
            targets[first:last],
        )
        first = last


@njit(cache=True, nogil=True)
def _go_back(
    to_play, actions, best_actions, values, draws, proven, returns, share, blunder_loss, targets
):
    """Fill ``targets`` from the last ply to the first. Trusts: shapes; two players.

    ``wins[p]`` is the probability that player p wins in the target of the ply after; the rest is
    the draw.
    """
    later_values = np.empty(2, np.float32)
    wins = np.empty(2, np.float32)
    for player in range(2):
        later_values[player] = returns[player]
        wins[player] = np.float32(1.0) if returns[player] > 0 else np.float32(0.0)
    for t in range(len(actions) - 1, -1, -1):
        mover = to_play[t]
        blunder = (
            actions[t] != best_actions[t] and values[t, mover] - later_values[mover] > blunder_loss
        )
        if proven[t] != UNPROVEN:
            wins[mover] = np.float32(1.0) if proven[t] > 0 else np.float32(0.0)
            wins[1 - mover] = np.float32(1.0) if proven[t] < 0 else np.float32(0.0)
        else:
            kept = np.float32(0.0) if blunder else share
            for player in range(2):
                # Rounding may leave the value a hair outside what the draw allows.
                searched = (np.float32(1.0) - draws[t] + values[t, player]) / np.float32(2.0)
                searched = min(max(searched, np.float32(0.0)), np.float32(1.0))
                wins[player] = (np.float32(1.0) - kept) * searched + kept * wins[player]
        targets[t, WIN] = wins[mover]
        targets[t, LOSS] = wins[1 - mover]
        targets[t, DRAW] = max(np.float32(1.0) - (wins[0] + wins[1]), np.float32(0.0))
        for player in range(2):
            later_values[player] = values[t, player]
