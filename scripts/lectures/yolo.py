"""YOLO: you only look once, and see every stone on the board (Redmon 2016)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from agents.arena.intervals import wilson_interval
from engine.vision.board_pictures import (
    CLASSES,
    STYLES,
    BoardPicture,
    clutter_picture,
    draw_board,
    random_pictures,
)
from engine.vision.board_reader import PictureError, cells_of, shipped_yolo
from engine.vision.yolo import Detections, detect, mean_average_precision, train_yolo
from games import make
from games.game import Game
from scripts.lectures.page import Page

COLOURS = ("#ff2222", "#22aaff", "#22ff66")
GAMES = {"connect_four": "connect_four", "othello": "othello", "go": "go9"}


def position_of_play(game: Game, rng: np.random.Generator) -> np.ndarray:
    """Owners of the cells ``[H, W]`` of an unfinished position of random play; -1 where empty."""
    while True:
        states = game.rules.initial(1)
        for _ in range(int(rng.integers(1, min(game.max_plies, 60)))):
            if states[0]["finished"]:
                break
            action = rng.choice(game.legal(states[0]))
            game.rules.step(states, np.array([action], np.int32))
        if not states[0]["finished"]:
            return np.array(game.board_view(states[0]).owners, np.int8)


def draw_detections(pictures: list[BoardPicture], found: list[Detections]) -> Figure:
    """Pictures with the boxes that were seen."""
    figure, axes = plt.subplots(2, 3, figsize=(8, 5.5), layout="constrained")
    for axis, picture, seen in zip(axes.ravel(), pictures, found, strict=False):
        axis.imshow(picture.pixels)
        axis.set_axis_off()
        for (x, y, width, height), kind in zip(seen.boxes, seen.classes, strict=True):
            box = Rectangle((x - width / 2, y - height / 2), width, height)
            box.set(fill=False, edgecolor=COLOURS[kind], linewidth=0.8)
            axis.add_patch(box)
    return figure


def draw_losses(losses: list[float]) -> Figure:
    """The loss by epoch."""
    figure, axis = plt.subplots(figsize=(5, 3), layout="constrained")
    axis.semilogy(range(1, len(losses) + 1), losses, "o-")
    axis.set(xlabel="epoch", ylabel="loss, equation (3)")
    return figure


def story(page: Page, *, quick: bool, seed: int) -> None:
    """Boxes, the loss, detections, positions, and what is no board."""
    page.text("""
        ## One look

        A detector says what is where. Sliding a classifier over the picture looks thousands of
        times; YOLO looks once. The picture is cut into a grid, here 16 x 16. The cell in which the
        middle of a thing lies answers for it: where exactly, how large, how sure, and which class.
        Equation (3) adds up the squares of all that is wrong: places count five times, and the
        confidence of empty cells half, since most of a picture is empty. Here are rendered boards
        of three games, turned, blurred, badly lit, with clutter around.
    """)
    learn = random_pictures(90 if quick else 600, seed=seed + 1)
    _, losses = train_yolo(learn, epochs=2 if quick else 6, seed=seed)
    page.figure(draw_losses(losses), "loss", caption="A short training from nothing.")
    page.claim(
        f"the loss falls from {losses[0]:.1f} to {losses[-1]:.1f}", holds=losses[-1] < losses[0]
    )

    page.text("""
        ## What the shipped network sees

        It has had the same training on more pictures. Several cells may speak for one thing;
        non-maximum suppression keeps the surest box and drops those that overlap it. A box is
        right when it and the real one share half of what both cover (intersection over union).
        Average precision is the area under precision by recall; the mean over classes is mAP.
    """)
    network = shipped_yolo()
    unseen = random_pictures(30 if quick else 300, seed=seed + 1_000_003)
    pixels = np.stack([each.pixels for each in unseen])
    found = detect(network, pixels)
    page.figure(draw_detections(unseen, found), "seen", caption="Pictures it never saw, and boxes.")
    bare = detect(network, pixels, most_overlap=1.0)
    counts = [sum(len(each.scores) for each in seen) for seen in (bare, found)]
    page.result(f"non-maximum suppression drops {counts[0] - counts[1]} of {counts[0]} boxes")
    precision = mean_average_precision(found, unseen)
    page.claim(
        f"mean average precision at an overlap of one half: {precision:.3f} over {len(CLASSES)} "
        f"classes in {len(unseen)} unseen pictures (at least 0.95)",
        holds=precision >= 0.95,
    )

    page.text("""
        ## From boxes to the position

        Four corners give the map from pixels to cells; every piece falls into one. So
        `meijin play GAME --from-image board.png` starts from a picture. One stone amiss is another
        game: what counts is how often the whole position is right.
    """)
    rng = np.random.default_rng(seed + 7)
    rows, right, total = [], 0, 0
    count = 10 if quick else 100
    for style, text in GAMES.items():
        game, correct = make(text), 0
        for _ in range(count):
            cells = position_of_play(game, rng)
            picture = draw_board(cells, STYLES[style], rng)
            (seen,) = detect(network, picture.pixels[None])
            try:
                read = cells_of(seen, rows=cells.shape[0], columns=cells.shape[1])
            except PictureError:
                continue
            correct += bool((read == cells).all())
        low, high = wilson_interval(correct, count)
        rows.append([text, f"{correct} of {count}", f"{low:.0%} to {high:.0%}"])
        right, total = right + correct, total + count
    page.table(["game", "positions exactly right", "95 %"], rows)
    page.claim(
        f"{right} of {total} positions exactly right (at least 95 %)", holds=right >= 0.95 * total
    )
    refused = 0
    for _ in range(count):
        (seen,) = detect(network, clutter_picture(rng)[None])
        try:
            cells_of(seen, rows=8, columns=8)
        except PictureError:
            refused += 1
    page.claim(
        f"{refused} of {count} pictures without a board are refused (at least 95 %)",
        holds=refused >= 0.95 * count,
    )
