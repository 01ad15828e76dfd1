"""The convolutional network: the same small eye at every place (LeCun 1998, Krizhevsky 2012)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn
from torch.nn import functional

from agents.solvers.connect_four import ILLEGAL, ConnectFourSolver, Position
from agents.solvers.search import canonical_key
from agents.solvers.truth import canonical_keys, load_connect_four_truth
from engine.networks.config import NetworkConfig
from engine.networks.network import build_network
from engine.vision.convnets import LeNet, Mlp, SmallAlexNet
from engine.vision.errors import top_k_error
from engine.vision.fit import bend, fit, scores
from engine.vision.images import Images, mnist_sample, split
from engine.vision.rosenblatt import Perceptron
from games import make
from games.game import Game
from scripts.lectures.page import Page

SIZE = {"channels": 1, "size": 28, "classes": 10}
POLICIES = {
    "perceptron (no hidden layer)": NetworkConfig(kind="perceptron", hidden=()),
    "MLP (one of 256)": NetworkConfig(kind="perceptron", hidden=(256,)),
    "CNN (4 convolutions of 32)": NetworkConfig(kind="cnn", blocks=4, channels=32),
}


def learn_by_rule(images: Images, *, passes: int, seed: int) -> Perceptron:
    """Ten of Rosenblatt's units over the pixels."""
    generator = torch.Generator().manual_seed(seed)
    units = Perceptron(28 * 28, 10)
    for _ in range(passes):
        order = torch.randperm(len(images), generator=generator)
        units.learn(images.pictures[order], images.classes[order])
    return units


def draw_errors(errors: dict[str, np.ndarray]) -> Figure:
    """Bars of top-1 and top-5 error ``[seeds, 2]`` of each model, with their spread."""
    figure, axis = plt.subplots(figsize=(8, 4), constrained_layout=True)
    places = np.arange(len(errors))
    for k, name in enumerate(("top-1", "top-5")):
        means = [100 * each[:, k].mean() for each in errors.values()]
        spread = [100 * each[:, k].std() for each in errors.values()]
        bars = axis.bar(places + 0.4 * k - 0.2, means, 0.38, yerr=spread, capsize=4, label=name)
        axis.bar_label(bars, fmt="%.2f", padding=3)
    axis.set_xticks(places, list(errors))
    axis.set(ylabel="error on held-out digits, %")
    axis.legend()
    return figure


def draw_insides(model: SmallAlexNet, picture: torch.Tensor) -> Figure:
    """The 16 filters of the first layer, and what they make of one picture ``[1, 28, 28]``."""
    figure, axes = plt.subplots(4, 12, figsize=(12, 4.2), constrained_layout=True)
    convolution = model.features[0]
    assert isinstance(convolution, nn.Conv2d)
    filters = convolution.weight.detach()[:, 0].numpy()
    with torch.no_grad():
        first = model.features[:3](picture[None])[0].numpy()
        third = model.features[:11](picture[None])[0].numpy()
    for row, axis_row in enumerate(axes):
        for place, axis in enumerate(axis_row):
            axis.set(xticks=[], yticks=[])
            channel = 4 * row + place % 4
            shown = (filters[channel], first[channel], third[channel])[place // 4]
            axis.imshow(shown, cmap="gray" if place < 4 else "magma")
    for place, title in ((1, "filters, 3 x 3"), (5, "maps of layer 1"), (9, "maps of layer 3")):
        axes[0][place].set_title(title, loc="left")
    return figure


def solved_positions(game: Game, count: int, *, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Middle games of random play with their best moves: planes ``[N, 3, 6, 7]``, ``[N, 7]``.

    None of the truth meter's positions is among them, so that those can be the test.
    """
    rng = np.random.default_rng(seed)
    solver, taboo = ConnectFourSolver(), set(canonical_keys(load_connect_four_truth()).tolist())
    states: list[np.void] = []
    best: list[np.ndarray] = []
    while len(states) < count:
        state, plies = game.after([]), int(rng.integers(16, 29))
        moves: list[int] = []
        while len(moves) < plies and not state["finished"]:
            moves.append(int(rng.choice(game.legal(state))))
            state = game.after(moves)
        if state["finished"]:
            continue
        position = Position.from_moves(moves)
        outcomes = solver.move_outcomes(position)
        key = canonical_key(np.uint64(position.mover), np.uint64(position.occupied))
        if int(key) not in taboo and has_choice(outcomes):
            states.append(state)
            best.append(outcomes == outcomes.max())
    return observe(game, states), torch.tensor(np.array(best))


def truth_positions(game: Game) -> tuple[torch.Tensor, torch.Tensor]:
    """Positions of the truth meter, past the opening and with a choice, and their best moves."""
    truth = load_connect_four_truth()
    rows = [
        row
        for row in range(len(truth))
        if not truth.names[truth.klass[row]].startswith("begin")
        and has_choice(truth.move_outcomes[row])
    ]
    outcomes = truth.move_outcomes[rows]
    states = [game.after(truth.moves_of(row)) for row in rows]
    return observe(game, states), torch.tensor(outcomes == outcomes.max(1, keepdims=True))


def has_choice(outcomes: np.ndarray) -> bool:
    """Whether the legal moves are not all worth the same."""
    return len(set(outcomes[outcomes != ILLEGAL].tolist())) > 1


def observe(game: Game, states: list[np.void]) -> torch.Tensor:
    """Planes ``[N, C, H, W]`` as networks see them."""
    planes = np.empty((len(states), *game.observation_shape), np.uint8)
    game.rules.observe(np.array(states, game.state_dtype), planes)
    return torch.tensor(planes)


def learn_moves(
    config: NetworkConfig, game: Game, data: tuple[torch.Tensor, torch.Tensor], *, epochs: int
) -> nn.Module:
    """A network of the self-play engine, its policy taught by the solver alone."""
    planes, best = data
    network = build_network(
        config, observation_shape=game.observation_shape, num_actions=game.num_actions
    )
    targets = best / best.sum(1, keepdim=True)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.002, weight_decay=0.01)
    for _ in range(epochs):
        for rows in torch.randperm(len(planes)).split(128):
            seen, wanted = planes[rows], targets[rows]
            if torch.rand(()) < 0.5:  # left and right are alike
                seen, wanted = seen.flip(3), wanted.flip(1)
            loss = functional.cross_entropy(network(seen)[0], wanted)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
    return network.eval()


def move_errors(network: nn.Module, data: tuple[torch.Tensor, torch.Tensor]) -> np.ndarray:
    """Shares of positions in which none of the first 1 and 5 legal moves is a best one."""
    planes, best = data
    with torch.no_grad():
        logits = network(planes)[0]
    landing = planes[:, 2].amax(1) > 0  # columns that are not full
    order = logits.masked_fill(~landing, -torch.inf).argsort(1, descending=True)
    found = best.gather(1, order)
    return np.array([float((~found[:, :k].any(1)).double().mean()) for k in (1, 5)])


def story(page: Page, *, quick: bool, seed: int) -> None:
    """Layers, error curve, insides, moves."""
    page.text("""
        ## Layer by layer

        A convolution looks at every place of a picture through the same few weights; pooling keeps
        the strongest answer of a neighbourhood; a few such layers see ever larger parts. AlexNet
        (2012) added ReLU, dropout and pictures bent by chance to LeNet's plan (1998). Here is a
        small AlexNet for pictures of 28 x 28, and a digit bent eight times.
    """)
    images = mnist_sample()
    torch.manual_seed(seed)
    rows, shown = [], images.pictures[:1]
    model = SmallAlexNet(**SIZE).eval()
    with torch.no_grad():
        for layer in [*model.features, *model.classifier]:
            shown = layer(shown)
            weights = sum(each.numel() for each in layer.parameters())
            rows.append(
                (type(layer).__name__, " x ".join(map(str, shown.shape[1:])), weights or "")
            )
    page.table(("layer", "what leaves it", "weights"), rows)
    figure, axes = plt.subplots(1, 9, figsize=(9, 1.3), constrained_layout=True)
    bent = bend(images.pictures[2600].expand(8, 1, 28, 28), generator=torch.Generator())
    for axis, picture in zip(axes, [images.pictures[2600], *bent], strict=True):
        axis.imshow(picture[0], cmap="gray")
        axis.set_axis_off()
    page.figure(figure, "bent", caption="A five of MNIST, and the same bent by chance.")

    page.text("""
        ## The error curve in small

        Top-1 error: the digit is not the first guess. Top-5 error, as ImageNet counts: it is not
        among the first five. 4,000 digits of MNIST to learn from, 1,000 others to be judged by,
        another split for every seed. All but the perceptron see their digits bent.
    """)
    kinds = {"MLP": Mlp, "LeNet": LeNet, "small AlexNet": SmallAlexNet}
    seeds, epochs = (1, 3) if quick else (5, 24)
    measured: dict[str, list[list[float]]] = {"perceptron": [], **{name: [] for name in kinds}}
    for repeat in page.steps("digits", seeds):
        learn, test = split(images, held_out=1000, seed=seed + repeat)
        units = learn_by_rule(learn, passes=3 if quick else 20, seed=seed + repeat)
        answers = {"perceptron": scores(units, test)}
        for name, kind in kinds.items():
            torch.manual_seed(seed + repeat)
            model = kind(**SIZE)
            fit(model, learn, epochs=epochs, seed=seed + repeat, bent=True)
            answers[name] = scores(model, test)
        for name, answer in answers.items():
            measured[name].append([top_k_error(answer, test.classes, k) for k in (1, 5)])
    errors = {name: np.array(each) for name, each in measured.items()}
    page.table(
        ("model", "top-1 error", "top-5 error"),
        [
            (name, *(f"{each[:, k].mean():.2%} ± {each[:, k].std():.2%}" for k in (0, 1)))
            for name, each in errors.items()
        ],
    )
    page.figure(draw_errors(errors), "errors", caption="Error on digits that nobody learnt from.")
    best = errors["small AlexNet"][:, 0].mean()
    page.claim(
        f"the convolutional network is right in {1 - best:.2%} of {seeds} x 1,000 held-out digits",
        holds=best <= (0.10 if quick else 0.015),
    )
    page.claim(
        f"MLP ({errors['MLP'][:, 0].mean():.1%} wrong) and perceptron "
        f"({errors['perceptron'][:, 0].mean():.1%}) are behind",
        holds=all(best < errors[name][:, 0].mean() for name in ("MLP", "perceptron")),
    )

    page.text("""
        ## What it looks for

        The first layer's filters are edges and strokes; their maps show where the digit has them.
        Two poolings later a map is coarse, and speaks of parts of digits.
    """)
    page.figure(
        draw_insides(model, test.pictures[520]),
        "insides",
        caption="Filters of the first layer, and maps of a digit after layers 1 and 3.",
    )

    page.text("""
        ## The same network plays

        A board is a picture too. The engine's own networks (`--network perceptron`, `cnn`) learn
        the best moves of Connect Four from solved middle games of random play, and are judged on
        the truth meter's positions of more than 14 stones. A move is right when it keeps the result
        of perfect play.
    """)
    game = make("connect_four")
    lessons = solved_positions(game, 300 if quick else 6_000, seed=seed)
    exam = truth_positions(game)
    torch.manual_seed(seed)
    mistaken = {
        name: move_errors(learn_moves(config, game, lessons, epochs=5 if quick else 20), exam)
        for name, config in POLICIES.items()
    }
    page.table(
        ("policy", "top-1 error", "top-5 error"),
        [(name, *(f"{error:.1%}" for error in each)) for name, each in mistaken.items()],
    )
    linear, _, convolutional = (each[0] for each in mistaken.values())
    line = (
        f"on {len(exam[0])} positions the CNN errs in {convolutional:.1%}, the perceptron in "
        f"{linear:.1%}"
    )
    if quick:
        page.result(f"{line}: a few hundred lessons teach neither")
    else:
        page.claim(line, holds=convolutional < linear)
