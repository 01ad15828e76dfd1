"""Deep Dream: ask a network what it wants to see (Mordvintsev 2015)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from torch.nn import functional

from agents.nearest_position import nearest_dropped_position
from agents.solvers.connect_four import ConnectFourSolver
from agents.weights_file import shipped_file
from engine.dreams.ascent import Ascent, Listener, Wish, dream_picture, dream_squares
from engine.learning.checkpoint import load_weights
from engine.vision.convnets import SmallAlexNet
from engine.vision.fit import fit
from engine.vision.images import mnist_sample, split
from games import make
from games.raster import board_image
from scripts.lectures.page import Page

BARE = Ascent(steps=150)
REGULARISED = Ascent(steps=150, jitter=2, blur_every=4, blur=0.5, variation=4.0)
ON_BOARDS = Ascent(steps=300, rate=0.1)
OUTCOMES = ("mover wins", "draw", "mover loses")


def draw_pictures(rows: dict[str, torch.Tensor]) -> Figure:
    """Rows of pictures ``[N, 1, H, W]``, each under its title."""
    count = max(len(pictures) for pictures in rows.values())
    figure, axes = plt.subplots(
        len(rows), count, figsize=(count, 1.25 * len(rows)), squeeze=False, layout="constrained"
    )
    for axis_row, (title, pictures) in zip(axes, rows.items(), strict=True):
        for axis in axis_row:
            axis.set_axis_off()
        for axis, picture in zip(axis_row, pictures, strict=False):
            axis.imshow(picture[0], cmap="gray", vmin=0, vmax=1)
        axis_row[0].set_title(title, loc="left", fontsize=9)
    return figure


def planes_of(shares: torch.Tensor) -> torch.Tensor:
    """Connect Four's planes from shares of empty, mine and theirs ``[B, 3, 6, 7]``.

    The third plane, cells where a stone can land, is "empty, and the cell below is not".
    """
    empty = shares[:, 0]
    below = torch.cat([empty[:, 1:], torch.zeros_like(empty[:, :1])], 1)
    return torch.stack([shares[:, 1], shares[:, 2], empty * (1 - below)], 1)


def unlike_play(planes: torch.Tensor) -> torch.Tensor:
    """How far dreamt boards are from what play can reach, ``[B]``; the regulariser of boards.

    Stones in mid-air, another number of stones for the two, and fours that would have ended it.
    """
    stones = planes[:, :2].sum(1)
    in_mid_air = (stones[:, :-1] * (1 - stones[:, 1:])).sum((1, 2))
    surplus = planes[:, 0].sum((1, 2)) - planes[:, 1].sum((1, 2))
    logs = planes[:, :2].clamp(min=1e-6).log()
    diagonal = torch.eye(4)
    fours = torch.zeros(len(planes))
    for line in (torch.ones(1, 4), torch.ones(4, 1), diagonal, diagonal.flip(0)):
        kernel = line.expand(2, 1, *line.shape)
        fours = fours + functional.conv2d(logs, kernel, groups=2).exp().sum((1, 2, 3))
    return in_mid_air + (surplus + 0.5).square() + fours


def priced(wish: Wish) -> Wish:
    """A wish for a board, less the price of what play cannot reach."""
    return lambda planes: wish(planes) - unlike_play(planes)


def draw_boards(dreams: dict[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Above: shares of a dreamt board ``[3, 6, 7]`` as colours; below: the nearest legal board."""
    figure, axes = plt.subplots(
        2, len(dreams), figsize=(2.6 * len(dreams), 4.8), layout="constrained"
    )
    colours = np.array([[1, 1, 1], [0.94, 0.27, 0.32], [0.99, 0.8, 0.24]])
    for place, (title, (shares, picture)) in enumerate(dreams.items()):
        axes[0][place].imshow(np.einsum("chw,cr->hwr", shares, colours).clip(0, 1))
        axes[0][place].set_title(title, fontsize=9)
        axes[1][place].imshow(picture)
        for axis in axes[:, place]:
            axis.set(xticks=[], yticks=[])
    axes[0][0].set_ylabel("the dream (red: mover)")
    axes[1][0].set_ylabel("nearest legal board")
    return figure


def story(page: Page, *, quick: bool, seed: int) -> None:
    """Digits from noise, filters, a given picture, boards."""
    page.text("""
        ## From noise

        Training changes the weights so that the answer fits the picture. Dreaming keeps the weights
        and changes the picture so that the answer grows: gradient ascent on the input. Left to
        itself it finds specks that excite the network and look like nothing. Regularisers keep it
        among smooth pictures: jitter, blur and a price on total variation.
    """)
    learn, test = split(mnist_sample(), held_out=1000, seed=seed)
    torch.manual_seed(seed)
    network = SmallAlexNet(channels=1, size=28, classes=10)
    fit(network, learn, epochs=2 if quick else 12, seed=seed, bent=True)
    network.requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(10, 1, 28, 28, generator=generator) * 0.3

    def each_its_digit(pictures: torch.Tensor) -> torch.Tensor:
        chances: torch.Tensor = network(pictures).log_softmax(1)
        return chances.diagonal()

    dreams = {
        "bare ascent": dream_picture(each_its_digit, noise, BARE, generator=generator),
        "jitter, blur, total variation": dream_picture(
            each_its_digit, noise, REGULARISED, generator=generator
        ),
    }
    page.figure(
        draw_pictures({"noise": noise, **{name: each.inputs for name, each in dreams.items()}}),
        "digits",
        caption="Ten times noise, and what each of the ten digits makes of it.",
    )
    before, after = (dreams["bare ascent"].course[place].exp().mean() for place in (0, -1))
    kept = dreams["jitter, blur, total variation"].course[-1].exp().mean()
    page.claim(
        f"probability of the digit that is dreamt of: {before:.3f} in noise, {after:.3f} after bare"
        f" ascent, {kept:.3f} with regularisers (at least five times the first)",
        holds=bool(min(after, kept) >= 5 * before),
    )

    page.text("""
        ## What a filter wants, and dreaming from a picture

        Any unit can be asked. Above: twelve filters of the third layer, from noise. Below, the
        "inceptionism" of 2015: start from a given picture and let the layer have more of whatever
        it sees there; then let a three become an eight.
    """)
    with_third = Listener(network.features[9])  # before its ReLU, which gives no slope below zero

    def each_its_filter(pictures: torch.Tensor) -> torch.Tensor:
        network(pictures)
        return with_third.heard[range(12), range(12)].mean((1, 2))

    def more_of_the_same(pictures: torch.Tensor) -> torch.Tensor:
        network(pictures)
        return with_third.heard.relu().square().mean((1, 2, 3))

    filters = dream_picture(
        each_its_filter,
        torch.rand(12, 1, 28, 28, generator=generator) * 0.3,
        REGULARISED,
        generator=generator,
    )
    answers = [float(filters.course[place].mean()) for place in (0, -1)]
    page.claim(
        f"the twelve filters answer {answers[0]:.2f} to noise and {answers[1]:.2f} to their dreams,"
        " before the ReLU (a rise of at least one)",
        holds=answers[1] - answers[0] >= 1,
    )
    three = test.pictures[test.classes == 3][:1]
    strips: dict[str, torch.Tensor] = {"filters of layer 3": filters.inputs}
    for title, wish in (
        ("a three, and more of what layer 3 sees in it", more_of_the_same),
        ("a three that becomes an eight", lambda pictures: network(pictures).log_softmax(1)[:, 8]),
    ):
        stages = [three]
        for _ in range(11):
            gentle = Ascent(steps=6, rate=0.02, jitter=1, blur_every=6, blur=0.4, variation=1.0)
            stages.append(dream_picture(wish, stages[-1], gentle, generator=generator).inputs)
        strips[title] = torch.cat(stages)
    with_third.close()
    page.figure(draw_pictures(strips), "filters", caption="Dreams of filters, and from a picture.")
    eight = float(network(strips["a three that becomes an eight"]).softmax(1)[-1, 8])
    page.claim(f"the three is an eight with probability {eight:.2f}", holds=eight > 0.5)

    page.text("""
        ## What board does the player dream of?

        The shipped Connect Four network, asked for the board on which the mover surely wins, draws
        or loses, wants to play the middle or the left edge, or on which a filter answers most.
        Stones in mid-air, too many of one colour and finished fours have their price. A dreamt
        square is a little of everything, so the nearest position that play can reach is looked
        for, and the exact solver says what it is worth. The dream is what the network believes;
        the solver knows.
    """)
    game = make("connect_four")
    player = load_weights(shipped_file(game), game).build()
    body = Listener(player.body)
    wishes: dict[str, Wish] = {
        "mover wins": lambda planes: player(planes)[1].log_softmax(1)[:, 0],
        "draw": lambda planes: player(planes)[1].log_softmax(1)[:, 1],
        "mover loses": lambda planes: player(planes)[1].log_softmax(1)[:, 2],
        "play column 4": lambda planes: player(planes)[0].log_softmax(1)[:, 3],
        "play column 1": lambda planes: player(planes)[0].log_softmax(1)[:, 0],
        "filter 7": lambda planes: (player(planes), body.heard[:, 7].mean((1, 2)))[1],
    }
    starts = torch.randn(2 if quick else 8, 3, 6, 7, generator=generator) * 0.3
    solver, shown, rows = ConnectFourSolver(), {}, []
    agreed, grew = 0, True
    for title, wish in wishes.items():
        dream = dream_squares(
            priced(wish),
            starts,
            ON_BOARDS,
            planes_of=planes_of,
        )
        lines = [nearest_dropped_position(game, shares.numpy()) for shares in dream.inputs]
        worths = [OUTCOMES[1 - solver.outcome(line)] for line in lines]
        states = np.array([game.after(line) for line in lines], game.state_dtype)
        planes = np.empty((len(states), *game.observation_shape), np.uint8)
        game.rules.observe(states, planes)
        boards = (planes_of(starts.softmax(1)), planes_of(dream.inputs), torch.tensor(planes))
        at_start, dreamt, legal = (float(wish(each).mean()) for each in boards)
        grew &= dreamt > at_start
        agreed += worths.count(title)
        counts = ", ".join(f"{worths.count(each)} {each}" for each in OUTCOMES if each in worths)
        rows.append((title, f"{at_start:.2f}", f"{dreamt:.2f}", f"{legal:.2f}", counts))
        picture = board_image(game.board_view(states[0]), drops=True, pitch=24)
        shown[title] = dream.inputs[0].numpy(), picture
    body.close()
    page.figure(draw_boards(shown), "boards", caption="Dreamt boards and the nearest of play.")
    page.table(("wish", "at first", "dreamt", "nearest position", "solver"), rows)
    page.claim("every wish grew", holds=grew)
    page.claim(
        f"of {3 * len(starts)} dreams of a result the solver agrees with {agreed} "
        "(more than the third that chance would give)",
        holds=agreed > len(starts),
    )
