"""Many games against an opponent as one Gymnasium environment: a step is one compiled batch."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from games.bridges.opponents import BatchedOpponent, check_side, draw_sides, random_opponents
from games.bridges.views import (
    ANSI,
    PICTURE,
    as_game,
    check_render_mode,
    draw,
    legal_masks,
    legal_slots,
    observation_space,
    planes_seen_by,
)
from games.game import Game, GameError, IllegalMoveError

Step = tuple[
    NDArray[np.uint8], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]
]


class GameVectorEnv(VectorEnv[NDArray[np.uint8], NDArray[np.int64], NDArray[Any]]):
    """``num_envs`` games at once; each as in ``gym_env.GameEnv``, an illegal action loses.

    A game that is over begins anew in the next step, whose action is not looked at (Gymnasium's
    ``AutoresetMode.NEXT_STEP``, as its ``SyncVectorEnv``). All games draw from one generator, so a
    seed repeats the whole, not one of the games.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012  (Gymnasium's own form)
        "render_modes": [ANSI, PICTURE],
        "render_fps": 2,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        game: Game | str,
        *,
        num_envs: int = 1,
        opponent: BatchedOpponent | None = None,
        side: str = "random",
        render_mode: str | None = None,
    ) -> None:
        """Set the boards up.

        Args:
            game: a game, or text for ``games.make``.
            num_envs: B, games at once.
            opponent: answers all positions in which it is to move; any legal moves by default.
            side: as in ``GameEnv``.
            render_mode: ``ansi`` or ``rgb_array``.

        Raises:
            GameError: no such game, side, mode, or no games at all.
        """
        if num_envs < 1:
            raise GameError(f"num_envs must be at least 1, not {num_envs}")
        self.game = as_game(game)
        self.num_envs = num_envs
        self.render_mode = check_render_mode(render_mode, self.metadata["render_modes"])
        self.single_observation_space = observation_space(self.game)
        self.single_action_space = spaces.Discrete(self.game.num_actions)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._opponent = opponent or random_opponents
        self._checks_opponent = opponent is not None
        self._side = check_side(side)
        self._states = self.game.rules.initial(num_envs)
        self._players = np.zeros(num_envs, np.int8)
        self._masks = np.zeros((num_envs, self.game.num_actions), np.int8)
        self._over = np.ones(num_envs, np.bool_)
        self._begun = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Begin all games anew, or those of the boolean array ``options["reset_mask"]``."""
        super().reset(seed=seed)
        fresh = np.ones(self.num_envs, np.bool_)
        if options is not None and "reset_mask" in options:
            fresh = np.asarray(options["reset_mask"])
            if fresh.shape != (self.num_envs,) or fresh.dtype != np.bool_:
                raise GameError(f"reset_mask must be {self.num_envs} booleans, not {fresh!r}")
        self._begin(fresh)
        self._begun = True
        self._over &= ~fresh
        self._answer(~self._over)
        self._masks = self._legal_masks()
        return self._observations(), self._infos(np.zeros(self.num_envs, np.bool_))

    def step(self, actions: NDArray[np.integer]) -> Step:
        """Play one action in every game, and the opponents' answers.

        Args:
            actions: ``[B]``; one that cannot be played loses its game at once.

        Raises:
            GameError: another number of actions, or no whole numbers.
            gymnasium.error.ResetNeeded: before the first ``reset``.
        """
        if not self._begun:
            raise gymnasium.error.ResetNeeded("reset() begins the games")
        chosen = self._checked(actions)
        fresh = self._over
        rows = np.arange(self.num_envs)
        inside = (chosen >= 0) & (chosen < self.game.num_actions)
        legal = inside & (self._masks[rows, np.where(inside, chosen, 0)] == 1)
        illegal = ~fresh & ~legal
        if fresh.any():
            self._begin(fresh)
        self._play(~fresh & legal, chosen)
        self._answer(~illegal)
        finished = self._states["finished"]
        rewards = self._states["returns"][rows, self._players].astype(np.float64)
        rewards[illegal] = -1.0
        self._over = illegal | finished
        self._masks = self._legal_masks()
        nothing = np.zeros(self.num_envs, np.bool_)
        return self._observations(), rewards, self._over.copy(), nothing, self._infos(illegal)

    def render(self) -> tuple[Any, ...] | None:
        """Every board in the form that ``render_mode`` asks for."""
        if self.render_mode is None:
            gymnasium.logger.warn("render() without a render_mode does nothing")
            return None
        return tuple(draw(self.game, state, self.render_mode) for state in self._states)

    def _checked(self, actions: NDArray[np.integer]) -> NDArray[np.int32]:
        given = np.asarray(actions)
        if given.shape != (self.num_envs,) or not np.issubdtype(given.dtype, np.integer):
            raise GameError(
                f"step needs {self.num_envs} whole numbers, not {given.dtype}{list(given.shape)}"
            )
        return given.astype(np.int32)

    def _begin(self, rows: NDArray[np.bool_]) -> None:
        """Set up the boards of ``rows`` and draw the learner's sides."""
        count = int(rows.sum())
        self._states[rows] = self.game.rules.initial(count)
        self._players[rows] = draw_sides(self._side, count, self.np_random)

    def _answer(self, rows: NDArray[np.bool_]) -> None:
        """In ``rows``, let the opponents move until it is the learner's turn or the end."""
        while True:
            waiting = rows & ~self._states["finished"]
            waiting &= self._states["to_play"] != self._players
            if not waiting.any():
                return
            positions = self._states[waiting]
            answers = np.asarray(self._opponent(self.game, positions.copy(), self.np_random))
            if self._checks_opponent:
                self._check_answers(positions, answers)
            self.game.rules.step(positions, np.ascontiguousarray(answers, np.int32))
            self._states[waiting] = positions

    def _check_answers(self, positions: NDArray[np.void], answers: NDArray[Any]) -> None:
        """Refuse what cannot be played before the rules, which trust it, are asked."""
        if answers.shape != (len(positions),):
            raise GameError(
                f"the opponent gave {list(answers.shape)} actions for {len(positions)} positions"
            )
        legal, _ = legal_slots(self.game, positions)
        wrong = np.flatnonzero(~((legal == answers[:, None]) & (legal >= 0)).any(axis=1))
        if len(wrong):
            raise IllegalMoveError(
                f"the opponent played action {answers[wrong[0]]}, which is illegal in "
                f"{self.game.id} after {positions[wrong[0]]['ply']} plies"
            )

    def _play(self, rows: NDArray[np.bool_], actions: NDArray[np.int32]) -> None:
        """Play in ``rows``; all of them at once where nothing is left out."""
        if rows.all():
            self.game.rules.step(self._states, actions)
        elif rows.any():
            positions = self._states[rows]
            self.game.rules.step(positions, actions[rows])
            self._states[rows] = positions

    def _legal_masks(self) -> NDArray[np.int8]:
        masks = legal_masks(self.game, self._states)
        masks[self._over] = 0
        return masks

    def _observations(self) -> NDArray[np.uint8]:
        return planes_seen_by(self.game, self._states, self._players)

    def _infos(self, illegal: NDArray[np.bool_]) -> dict[str, Any]:
        infos: dict[str, Any] = {
            "action_mask": self._masks.copy(),
            "player": self._players.astype(np.int64),
            "illegal": illegal,
        }
        # Gymnasium's form: beside each entry, which games have it.
        return infos | {f"_{name}": np.ones(self.num_envs, np.bool_) for name in infos}
