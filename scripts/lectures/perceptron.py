"""The perceptron: a line that learns from its mistakes (Rosenblatt 1958)."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FuncAnimation, PillowWriter
from sklearn.linear_model import Perceptron as PeersPerceptron
from torch.optim.swa_utils import AveragedModel

from agents.solvers.tic_tac_toe import TicTacToeSolver
from engine.vision.errors import top_k_error
from engine.vision.images import small_digits, split
from engine.vision.rosenblatt import (
    AssociationUnits,
    Course,
    Perceptron,
    learn_by_hand,
    mistake_bound,
    with_one,
)
from games import make
from scripts.lectures.page import Page


def separable_points(
    count: int, *, margin: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points in the square [-1, 1]^2 with labels, and a line that keeps its distance to all."""
    angle = rng.uniform(0, 2 * np.pi)
    separator = np.array([np.cos(angle), np.sin(angle), rng.uniform(-0.3, 0.3)])
    points = rng.uniform(-1, 1, (40 * count, 2))
    heights = with_one(points) @ separator
    clear = np.abs(heights) > margin
    return points[clear][:count], np.sign(heights[clear][:count]).astype(int), separator


def animate(course: Course, points: np.ndarray, labels: np.ndarray, path: Path) -> None:
    """Write the line after every mistake as a GIF; the example it stumbled over is ringed."""
    figure, axis = plt.subplots(figsize=(4.2, 4.2), constrained_layout=True)
    axis.scatter(points[:, 0], points[:, 1], c=np.where(labels > 0, "C0", "C1"), s=18)
    (line,) = axis.plot([], [], "k")
    ring = axis.scatter([], [], s=140, facecolors="none", edgecolors="k")
    axis.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), xticks=[], yticks=[])
    across = np.array([-3.0, 3.0])

    def draw(mistake: int) -> None:
        a, b, c = course.weights[mistake]
        foot, along = -c * np.array([a, b]) / (a * a + b * b), np.array([-b, a]) / np.hypot(a, b)
        line.set_data(*(foot[:, None] + along[:, None] * across))
        ring.set_offsets(points[course.examples[mistake - 1]])
        axis.set_title(f"after mistake {mistake} of {course.mistakes}")

    frames = [*range(1, course.mistakes + 1), *[course.mistakes] * 4]
    FuncAnimation(figure, draw, frames=frames).save(path, PillowWriter(fps=3), dpi=80)
    plt.close(figure)


def tic_tac_toe_positions() -> tuple[torch.Tensor, torch.Tensor]:
    """All 4,520 unfinished positions as their mover sees them ``[N, 27]``, and who wins ``[N]``."""
    game, solver = make("tic_tac_toe"), TicTacToeSolver()
    lines: list[list[int]] = [[]]
    states = [game.after([])]
    seen = {int(states[0]["key"])}
    for moves, state in zip(lines, states, strict=True):  # both grow meanwhile
        for action in game.legal(state):
            after = game.after([*moves, action])
            if not after["finished"] and int(after["key"]) not in seen:
                seen.add(int(after["key"]))
                lines.append([*moves, action])
                states.append(after)
    planes = np.empty((len(states), *game.observation_shape), np.uint8)
    game.rules.observe(np.array(states, game.state_dtype), planes)
    outcomes = [solver.outcome(moves) + 1 for moves in lines]
    return torch.tensor(planes).flatten(1).float(), torch.tensor(outcomes)


def fit(
    inputs: torch.Tensor, classes: torch.Tensor, *, units: int, passes: int, seed: int
) -> tuple[Perceptron, Perceptron]:
    """Perceptrons with the last weights, and with the mean of those after each pass.

    Every pass has another order. Where no weights are right, the last are those of a moment.
    """
    generator = torch.Generator().manual_seed(seed)
    last, mean = (
        Perceptron(inputs.shape[1], units),
        AveragedModel(Perceptron(len(inputs[0]), units)),
    )
    for _ in range(passes):
        order = torch.randperm(len(inputs), generator=generator)
        mistakes = last.learn(inputs[order], classes[order])
        mean.update_parameters(last)
        if mistakes == 0:
            break
    assert isinstance(mean.module, Perceptron)
    return last, mean.module


def story(page: Page, *, quick: bool, seed: int) -> None:
    """Line, XOR, digits, tic-tac-toe."""
    rng = np.random.default_rng(seed)
    page.text("""
        ## A line that learns

        A unit adds up its inputs, each times a weight, and answers +1 above a threshold, else -1.
        It learns only when it is wrong: then it adds the input to its weights, times the right
        answer. In two dimensions the weights are a line. Novikoff's theorem: if some line keeps
        the distance gamma from all points and no point is longer than R, there are never more than
        (R / gamma)^2 mistakes, however many points there are.
    """)
    points, labels, separator = separable_points(80, margin=0.06, rng=rng)
    course = learn_by_hand(points, labels, max_passes=10_000)
    bound = mistake_bound(points, labels, separator)
    animate(course, points, labels, page.path("line.gif"))
    page.picture(page.path("line.gif"), caption="The line after every mistake.")
    page.claim(
        f"all {len(points)} points are right after {course.mistakes} mistakes; "
        f"the theorem allows {bound:.0f}",
        holds=course.settled and course.mistakes <= bound,
    )
    unit = Perceptron(2, 1)
    as_tensors = torch.tensor(points, dtype=torch.float32), torch.tensor((labels + 1) // 2)
    mistakes = [unit.learn(*as_tensors)]
    while mistakes[-1]:
        mistakes.append(unit.learn(*as_tensors))
    page.claim(
        f"the same unit as a PyTorch module: {sum(mistakes)} mistakes in {len(mistakes)} passes",
        holds=sum(mistakes) == course.mistakes,
    )

    page.text("""
        ## What no line can do

        Exclusive or: one of two, but not both. No line has two opposite corners of a square on one
        side and the other two on the other. The unit goes on making mistakes for ever, and since
        its weights stay small whole numbers, it must come back to weights that it had before.
        Rosenblatt's own machine had a layer in between, of units with random connections that
        never learn. With enough of them the same rule learns exclusive or.
    """)
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    either = np.array([-1, 1, 1, -1])
    endless = learn_by_hand(corners, either, max_passes=1000)
    different = len(np.unique(endless.weights, axis=0))
    page.claim(
        f"exclusive or: {endless.mistakes} mistakes in 1,000 passes, "
        f"only {different} different weights among them",
        holds=not endless.settled and different < 100,
    )
    between = AssociationUnits(2, 20, connections=2, generator=torch.Generator().manual_seed(seed))
    associated = between(torch.tensor(corners, dtype=torch.float32)).numpy()
    rescued = learn_by_hand(associated, either, max_passes=1000)
    page.claim(
        f"behind 20 random units: all four corners right after {rescued.mistakes} mistakes",
        holds=rescued.settled,
    )

    page.text("""
        ## Handwritten digits

        Ten units, each for one digit against the rest; the unit with the highest score names the
        digit. 1,797 digits of 8 x 8 pixels, a quarter of them held out. Scikit-learn's Perceptron
        learns from the same pictures.
    """)
    ours, peers = [], []
    for repeat in page.steps("digits", 2 if quick else 10):
        learn, test = split(small_digits(), held_out=450, seed=seed + repeat)
        inputs = learn.pictures.flatten(1)
        units, _ = fit(inputs, learn.classes, units=10, passes=30, seed=seed + repeat)
        ours.append(top_k_error(units(test.pictures), test.classes, 1))
        peer = PeersPerceptron(random_state=seed + repeat).fit(
            inputs.numpy(), learn.classes.numpy()
        )
        peers.append(1 - peer.score(test.pictures.flatten(1).numpy(), test.classes.numpy()))
    page.claim(
        f"top-1 error over {len(ours)} splits: {np.mean(ours):.1%} ± {np.std(ours):.1%}; "
        f"scikit-learn's: {np.mean(peers):.1%} ± {np.std(peers):.1%}",
        holds=np.mean(ours) - np.mean(peers) < (0.03 if quick else 0.01),
    )
    figure, axes = plt.subplots(1, 10, figsize=(10, 1.4), constrained_layout=True)
    for digit, axis in enumerate(axes):
        picture = units.linear.weight[digit].detach().reshape(8, 8).numpy()
        strongest = np.abs(picture).max()
        axis.imshow(picture, cmap="RdBu", vmin=-strongest, vmax=strongest)
        axis.set(title=str(digit), xticks=[], yticks=[])
    page.figure(figure, "digits", caption="Weights of the ten units: blue speaks for the digit.")

    page.text("""
        ## Who is winning?

        Every unfinished position of tic-tac-toe, as its mover sees it, with the result of perfect
        play from the solver: won, drawn or lost. "Two of mine in a row and the third free" is no
        line through the squares, so one layer cannot learn it; random units between help here too.
        Where no weights are right, the last ones are those of a moment: the mean over all passes
        answers here.
    """)
    positions, outcomes = tic_tac_toe_positions()
    held_out = torch.randperm(len(positions), generator=torch.Generator().manual_seed(seed)) < 904
    commonest = 1 - float(outcomes.bincount().max()) / len(outcomes)
    errors = {}
    for units_between in (0, 500) if quick else (0, 100, 500, 2500):
        label = f"behind {units_between} random units" if units_between else "the squares alone"
        seen = positions
        if units_between:
            generator = torch.Generator().manual_seed(seed)
            seen = AssociationUnits(27, units_between, connections=4, generator=generator)(seen)
        _, judge = fit(
            seen[~held_out], outcomes[~held_out], units=3, passes=10 if quick else 30, seed=seed
        )
        errors[label] = top_k_error(judge(seen[held_out]), outcomes[held_out], 1)
    page.table(
        ("perceptron over", "wrong on held-out positions"),
        [(label, f"{error:.1%}") for label, error in errors.items()],
    )
    alone, *_, most = errors.values()
    page.claim(
        f"always naming the commonest result is wrong in {commonest:.1%}; one layer over the "
        f"squares in {alone:.1%}, over the most random units in {most:.1%}",
        holds=most < alone and most < commonest,
    )
