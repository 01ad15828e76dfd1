"""Every game as a Gymnasium environment: a learner against an opponent."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from games.bridges.opponents import Opponent, check_side, draw_sides, random_opponent
from games.bridges.views import (
    ANSI,
    PICTURE,
    as_game,
    check_render_mode,
    draw,
    legal_masks,
    observation_space,
    planes_seen_by,
)
from games.game import Game, GameError, IllegalMoveError
from games.registry import make

ILLEGAL = ("lose", "raise")


class GameEnv(gymnasium.Env[NDArray[np.uint8], np.int64]):
    """One game between a learner, who calls ``step``, and an opponent.

    The opponent answers within ``step``. Observations are planes ``[C, H, W]`` uint8 from the
    learner's side; the reward is the learner's return, at the end of the game. ``info`` holds
    ``action_mask`` ``[A]`` int8 (all zero at the end), ``player``, the learner's side, and
    ``illegal``, whether the game was lost by a move that cannot be played.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012  (Gymnasium's own form)
        "render_modes": [ANSI, PICTURE],
        "render_fps": 2,
    }

    def __init__(
        self,
        game: Game | str,
        *,
        opponent: Opponent | None = None,
        side: str = "random",
        illegal: str = "lose",
        render_mode: str | None = None,
    ) -> None:
        """Sit down.

        Args:
            game: a game, or text for ``games.make``.
            opponent: the other player; any legal move by default.
            side: who the learner is: ``first`` (player 0), ``second``, or ``random`` in each game,
                as the seed has it.
            illegal: an action that cannot be played ``lose``s the game at once (reward -1), as an
                environment must stand any action; or it ``raise``s IllegalMoveError.
            render_mode: ``ansi`` or ``rgb_array``.

        Raises:
            GameError: no such game, side, mode.
        """
        self.game = as_game(game)
        self.render_mode = check_render_mode(render_mode, self.metadata["render_modes"])
        self.observation_space = observation_space(self.game)
        self.action_space = spaces.Discrete(self.game.num_actions)
        if illegal not in ILLEGAL:
            raise GameError(f"an illegal action may {' or '.join(ILLEGAL)}, not {illegal!r}")
        self._opponent = opponent or random_opponent
        self._side = check_side(side)
        self._raises = illegal == "raise"
        self._over = True

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Begin a game; the opponent has moved already where it moves first."""
        super().reset(seed=seed)
        self._player = int(draw_sides(self._side, 1, self.np_random)[0])
        self._states = self.game.rules.initial(1)
        self._over = False
        self._answer()
        return self._observation(), self._info(illegal=False)

    def step(
        self, action: int | np.integer
    ) -> tuple[NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        """Play ``action`` and the opponent's answer.

        Raises:
            IllegalMoveError: it cannot be played, and ``illegal`` is ``raise``.
            gymnasium.error.ResetNeeded: the game is over.
        """
        if self._over:
            raise gymnasium.error.ResetNeeded("the game is over; reset() begins another")
        if not 0 <= action < self.game.num_actions or not self._mask[action]:
            if self._raises:
                raise IllegalMoveError(
                    f"action {action!r} cannot be played in {self.game.id} after "
                    f"{self._states[0]['ply']} plies; legal: {np.flatnonzero(self._mask).tolist()}"
                )
            self._over = True
            return self._observation(), -1.0, True, False, self._info(illegal=True)
        self.game.rules.step(self._states, np.array([action], np.int32))
        self._answer()
        state = self._states[0]
        self._over = bool(state["finished"])
        reward = float(state["returns"][self._player])
        return self._observation(), reward, self._over, False, self._info(illegal=False)

    def render(self) -> Any:
        """The board in the form that ``render_mode`` asks for."""
        if self.render_mode is None:
            gymnasium.logger.warn("render() without a render_mode does nothing")
            return None
        return draw(self.game, self._states[0], self.render_mode)

    def _answer(self) -> None:
        """Let the opponent move until it is the learner's turn or the game is over."""
        state = self._states[0]  # a view
        while not state["finished"] and state["to_play"] != self._player:
            action = int(self._opponent(self.game, state.copy(), self.np_random))
            if action not in self.game.legal(state):
                raise IllegalMoveError(
                    f"the opponent played action {action}, which is illegal in {self.game.id} "
                    f"after {state['ply']} plies"
                )
            self.game.rules.step(self._states, np.array([action], np.int32))
        self._mask = legal_masks(self.game, self._states)[0]

    def _observation(self) -> NDArray[np.uint8]:
        planes: NDArray[np.uint8] = planes_seen_by(self.game, self._states, self._player)[0]
        return planes

    def _info(self, *, illegal: bool) -> dict[str, Any]:
        mask = np.zeros_like(self._mask) if illegal else self._mask.copy()
        return {"action_mask": mask, "player": self._player, "illegal": illegal}

    # A game's compiled rules cannot be pickled: its id makes it again.

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "game": self.game.id}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, game=make(state["game"]))
