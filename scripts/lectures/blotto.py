"""Colonel Blotto: both players spread their soldiers over three fields, neither seeing the other.

Whoever has more soldiers on more fields wins. Every plan loses to some other, as in
rock-paper-scissors, so the only safe play is a mixture of plans (Borel 1921). The lecture
``alphastar`` plays it. ``meijin check`` finds one thing wrong with this file, and that is the game:
what a network sees does not tell apart whether the other has chosen.

The players are written one after the other, but the second is shown nothing: what a network sees
is the same for both. A tree search would look at the cards, since it reads the state itself; this
game is for players that look at the planes alone.

An action numbers the plans (5 soldiers: 21 of them): 0-0-5, 0-1-4, 0-2-3, ... 5-0-0.
"""

import numpy as np

from games.authoring import mix, rule
from games.game import BoardView, InvalidMoveError, InvalidPositionError, Symmetries, state_dtype

SOLDIERS = 5
PARAMETERS = {"SOLDIERS": (3, 9, "soldiers of each player")}

FIELDS = 3
PLANS = np.array(
    [
        (first, second, SOLDIERS - first - second)
        for first in range(SOLDIERS + 1)
        for second in range(SOLDIERS + 1 - first)
    ],
    np.int8,
)
NUM_ACTIONS = (SOLDIERS + 1) * (SOLDIERS + 2) // 2
MAX_PLIES = 2
OBSERVATION_SHAPE = (1, 1, FIELDS)
PLAYER_NAMES = ("A", "B")

STATE = state_dtype(
    ("plans", "i1", (2,)),  # action of each player and one more; 0: has not chosen
)

# --- Rules: compiled, on one state -----------------------------------------------------------


@rule
def position_key(first, second):
    """Everything that play from here depends on, in 64 bits."""
    return mix(np.uint64(1) + np.uint64(first) + np.uint64(second) * np.uint64(256))


@rule
def initial(state):
    """Nobody has chosen."""
    state.key = position_key(0, 0)


@rule
def step(state, action):
    """Choose plan ``action``."""
    mover = state.to_play
    state.plans[mover] = action + 1
    state.ply += 1
    state.to_play = 1 - mover
    state.key = position_key(state.plans[0], state.plans[1])
    if state.ply == 2:
        state.finished = True
        balance = 0
        for field in range(FIELDS):
            first = PLANS[state.plans[0] - 1, field]
            second = PLANS[state.plans[1] - 1, field]
            if first > second:
                balance += 1
            elif first < second:
                balance -= 1
        if balance > 0:
            state.returns[0] = 1.0
            state.returns[1] = -1.0
        elif balance < 0:
            state.returns[0] = -1.0
            state.returns[1] = 1.0


@rule
def legal_actions(state, actions):
    """Every plan, always."""
    for action in range(NUM_ACTIONS):
        actions[action] = action
    return NUM_ACTIONS


@rule
def observe(state, planes):
    """Three ones: a player sees fields, and nothing of what the other has put there."""
    for field in range(FIELDS):
        planes[0, 0, field] = 1


# --- For people: plain Python ----------------------------------------------------------------


def symmetries():
    """The six orders of the fields."""
    orders = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    plans = [tuple(plan) for plan in PLANS.tolist()]
    actions = [[plans.index(tuple(plan[i] for i in order)) for plan in plans] for order in orders]
    return Symmetries(cells=np.array(orders, np.int32), actions=np.array(actions, np.int32))


def action_to_text(state, action):
    """A plan as its soldiers: ``2-2-1``."""
    return "-".join(str(soldiers) for soldiers in PLANS[action])


def text_to_action(state, text):
    """Read a plan."""
    for action in range(NUM_ACTIONS):
        if action_to_text(state, action) == text.strip():
            return action
    raise InvalidMoveError(
        f"{text!r} is no plan; write {FIELDS} numbers that make {SOLDIERS}, such as "
        f"{action_to_text(state, NUM_ACTIONS // 2)}"
    )


def board_view(state):
    """Fields as columns; the first plan stays covered until both are chosen."""
    rows = []
    for player in (0, 1):
        plan = int(state["plans"][player])
        shown = PLANS[plan - 1] if plan and state["finished"] else ["?" if plan else ""] * FIELDS
        rows.append(tuple(str(soldiers) for soldiers in shown))
    return BoardView(
        pieces=tuple(rows),
        owners=tuple(tuple(player if piece else -1 for piece in rows[player]) for player in (0, 1)),
        row_labels=PLAYER_NAMES,
        column_labels=("a", "b", "c"),
        player_names=PLAYER_NAMES,
    )


def state_to_text(state):
    """Both plans, a line each; ``none`` for one that is not chosen."""
    return "\n".join(
        f"{name} {action_to_text(state, plan - 1) if plan else 'none'}"
        for name, plan in zip(PLAYER_NAMES, state["plans"].tolist(), strict=True)
    )


def text_to_state(text):
    """Read what ``state_to_text`` writes."""
    words = text.split()
    if len(words) != 4 or (words[0], words[2]) != PLAYER_NAMES:
        raise InvalidPositionError("expected two lines, 'A PLAN' and 'B PLAN', or none for a plan")
    if words[1] == "none" and words[3] != "none":
        raise InvalidPositionError("B chooses after A, but only B has a plan")
    state = np.zeros(1, STATE)
    initial(state[0])
    for word in (words[1], words[3]):
        if word != "none":
            try:
                step(state[0], text_to_action(state[0], word))
            except InvalidMoveError as error:
                raise InvalidPositionError(str(error)) from None
    return state[0]
