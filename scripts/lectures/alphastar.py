"""AlphaStar's league: what self-play forgets, a league remembers (Vinyals 2019)."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

import scripts.lectures
from agents.arena.league import LeagueConfig
from agents.arena.league_training import LeagueTraining, fresh_network, only_self_play
from agents.arena.nash import best_reply_gain, safe_mixture
from engine.networks.config import NetworkConfig
from engine.networks.network import Network
from engine.policy_gradient.learner import PolicyGradientConfig, PolicyGradientLearner
from engine.policy_gradient.play import masked_policies, play_games
from engine.selfplay.pfsp import priorities
from games import make
from games.game import Game
from scripts.lectures.page import Page

BLOTTO = Path(scripts.lectures.__path__[0]) / "blotto.py"
PLANS = NetworkConfig(kind="perceptron", hidden=())  # one number a plan: nothing else to see
PLAN_LEARNING = PolicyGradientConfig(games=128, learning_rate=0.05, entropy_bonus=0.1)
LEAGUE = LeagueConfig(freeze_after=20)
BOARD = NetworkConfig(kind="cnn", blocks=3, channels=32)
BOARD_LEARNING = PolicyGradientConfig(games=128, learning_rate=1e-3, entropy_bonus=0.02)


def payoff_table(game: Game) -> np.ndarray:
    """Result for A of every plan of A (row) against every plan of B (column), by the rules."""
    count = game.num_actions
    states = game.rules.initial(count * count)
    game.rules.step(states, np.repeat(np.arange(count, dtype=np.int32), count))
    game.rules.step(states, np.tile(np.arange(count, dtype=np.int32), count))
    return states["returns"][:, 0].astype(float).reshape(count, count)


def plan_shares(network: Network, game: Game) -> np.ndarray:
    """How often a network chooses each plan."""
    policy: np.ndarray = masked_policies(network, game, game.rules.initial(1))[2][0]
    return policy


def train(
    game: Game, table: np.ndarray, *, league: bool, steps: int, seed: int, page: Page
) -> tuple[np.ndarray, LeagueTraining]:
    """Train once on Blotto; its course ``[N, 2]`` is how exploitable agent and mixture were."""
    config = LEAGUE if league else only_self_play(LEAGUE)
    training = LeagueTraining(game, network=PLANS, learning=PLAN_LEARNING, config=config, seed=seed)
    # The same number of games for both: the league's are shared by its players.
    each = len(training.league.players)
    course = []
    for step in page.steps("league" if league else "self-play", steps // each):
        training.step()
        if (step + 1) % (10 if league else 40) == 0:
            frozen = training.league.frozen
            past = np.array([plan_shares(training.network_of(each), game) for each in frozen])
            safe = safe_mixture(past @ table @ past.T, iterations=500)
            course.append(
                (
                    best_reply_gain(table, plan_shares(training.main, game)),
                    best_reply_gain(table, safe @ past),
                )
            )
    return np.array(course), training


def cycles(payoffs: np.ndarray, margin: float) -> list[tuple[int, int, int]]:
    """Triples of which each beats the next by ``margin`` and the last beats the first."""
    found = []
    for three in combinations(range(len(payoffs)), 3):
        for a, b, c in (three, (three[0], three[2], three[1])):
            if min(payoffs[a, b], payoffs[b, c], payoffs[c, a]) > margin:
                found.append((a, b, c))
    return found


def draw_courses(courses: dict[str, np.ndarray]) -> Figure:
    """Exploitability over time: mean and range over the seeds, of agents and of mixtures."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), sharey=True, constrained_layout=True)
    for axis, kind, title in ((axes[0], 0, "the agent"), (axes[1], 1, "best mixture of its past")):
        for name, course in courses.items():
            games = np.arange(1, course.shape[1] + 1) / course.shape[1]
            axis.plot(games, course[:, :, kind].mean(0), label=name)
            axis.fill_between(
                games, course[:, :, kind].min(0), course[:, :, kind].max(0), alpha=0.2
            )
        axis.set(title=title, xlabel="share of the games", ylim=(-0.02, 1.02))
    axes[0].set_ylabel("exploitability (1: loses every game)")
    axes[0].legend()
    return figure


def draw_payoffs(tables: dict[str, tuple[np.ndarray, list[str]]]) -> Figure:
    """Pay-off matrices side by side: row against column, blue wins."""
    figure, axes = plt.subplots(
        1, len(tables), figsize=(6 * len(tables), 5.4), constrained_layout=True, squeeze=False
    )
    for axis, (title, (payoffs, names)) in zip(axes[0], tables.items(), strict=True):
        shown = axis.imshow(payoffs, cmap="RdBu", vmin=-1, vmax=1)
        axis.set_title(title)
        axis.set_yticks(range(len(names)), names, fontsize=6)
        axis.set_xticks([])
    figure.colorbar(shown, ax=axes[0].tolist(), label="result of the row")
    return figure


def exploit(game: Game, victim: Network, *, steps: int, seed: int, page: Page) -> float:
    """Share of the points that a fresh network makes, having learnt against this agent alone."""
    learner = PolicyGradientLearner(
        game, fresh_network(game, BOARD, seed=seed), config=BOARD_LEARNING, seed=seed
    )
    for _ in page.steps("exploiter", steps):
        learner.learn(learner.play(victim))
    rng = np.random.default_rng(seed)
    played = play_games(game, learner.network, victim, games=1000, rng=rng)
    return float((played.results.mean() + 1) / 2)


def story(page: Page, *, quick: bool, seed: int) -> None:
    """A game with a cycle, self-play that runs in it, a league that does not, and Connect Four."""
    page.text("""
        ## A game in which the last winner is not the best

        Colonel Blotto: both players spread five soldiers over three fields, neither seeing the
        other; more soldiers take a field, more fields take the game. There are 21 plans, and every
        one loses to some other, as in rock-paper-scissors. The rules are a file of their own,
        `scripts/lectures/blotto.py`. How good a mixture of plans is can be computed exactly:
        its *exploitability* is what the best answer wins against it, 0 for perfect play, 1 for
        somebody who loses every game.
    """)
    game = make(str(BLOTTO))
    table = payoff_table(game)
    perfect = safe_mixture(table)
    start = game.rules.initial(1)[0]
    page.table(
        ("play", "exploitability"),
        [
            ("any single plan, at best", f"{(-table).max(1).min():.3f}"),
            ("all plans alike", f"{best_reply_gain(table, np.full(21, 1 / 21)):.3f}"),
            ("the mixture found by regret matching", f"{best_reply_gain(table, perfect):.3f}"),
        ],
    )
    page.result(
        "that mixture: "
        + ", ".join(
            f"{game.action_to_text(start, plan)} {share:.0%}"
            for plan, share in enumerate(perfect)
            if share > 0.005
        )
    )
    page.claim(
        "every plan loses to another one, and the mixture to none",
        holds=bool((-table).max(1).min() == 1 and best_reply_gain(table, perfect) < 1e-3),
    )

    page.text("""
        ## Self-play, and the league

        Both learn by policy gradients from drawn games (Williams 1992). Self-play meets only
        itself. The league has a main agent, a main exploiter that hunts it, and two league
        exploiters that hunt everybody; copies are frozen and stay. The main agent plays 35 % of
        its games against itself, 50 % against frozen players in proportion to (1 - p)^2, p being
        its chance against them, and 15 % against exploiters and versions that it has forgotten how
        to beat. Both get the same number of games.
    """)
    for chance in (0.1, 0.5, 0.9):
        hard, even = (priorities([chance, 0.5], name)[0] for name in ("hard", "even"))
        page.result(
            f"an opponent beaten in {chance:.0%} of the games, beside one beaten in 50 %: "
            f"(1 - p)^2 plays it in {hard:.0%}, p (1 - p) in {even:.0%} of the games"
        )
    seeds, steps = (1, 800) if quick else (5, 2400)
    courses: dict[str, np.ndarray] = {}
    last: dict[str, LeagueTraining] = {}
    for name in ("self-play", "league"):
        measured = [
            train(
                game,
                table,
                league=name == "league",
                steps=steps,
                seed=100 * (seed + 1) + k,
                page=page,
            )
            for k in range(seeds)
        ]
        courses[name] = np.array([course for course, _ in measured])
        last[name] = measured[0][1]
    page.figure(
        draw_courses(courses),
        "exploitability",
        caption=f"Exactly computed; mean and range over {seeds} seeds, {128 * steps:,} games each.",
    )
    half = courses["league"].shape[1] // 2
    late = {name: course[:, half:, 0].mean() for name, course in courses.items()}
    ends = courses["league"][:, -1, 1]
    page.claim(
        f"self-play does not settle: its agent's exploitability over the second half is "
        f"{late['self-play']:.2f} (at least 0.5)",
        holds=bool(late["self-play"] >= 0.5),
    )
    page.claim(
        f"the league's main agent is at {late['league']:.2f}, at most half of that",
        holds=bool(late["league"] <= late["self-play"] / 2),
    )
    page.claim(
        f"the safest mixture of the league's players ends at {ends.max():.3f} or less in every "
        "seed (at most 0.10)",
        holds=bool(ends.max() <= 0.1),
    )

    page.text("""
        ## Who beats whom

        Each row is a frozen copy, oldest on top, against all others: blue wins, red loses. If
        later were better, all below the diagonal would be blue. In self-play stripes change
        colour: the new beats the last and loses to something older.
    """)
    shown = {}
    for name, training in last.items():
        frozen = training.league.frozen
        plans = np.array([plan_shares(training.network_of(each), game) for each in frozen])
        shown[name] = (plans @ table @ plans.T, [each.name for each in frozen])
    page.figure(
        draw_payoffs(shown), "payoffs", caption="Pay-offs between frozen players, exactly computed."
    )
    found = cycles(shown["self-play"][0], 0.2)
    page.claim(
        f"self-play's past holds {len(found)} circles of three, each beating the next",
        holds=len(found) > 0,
    )

    page.text("""
        ## On Connect Four

        The same league with small convolutional networks that move by policy alone, beside a
        self-player with as many games. Here the exact answer is out of reach, so it is asked the
        way in which AlphaStar's exploiters ask: a fresh network learns against one frozen agent
        alone. The more points it makes, the more holes there are. These are measurements; nothing
        is promised.
    """)
    game = make("connect_four")
    steps, hunt = (4, 4) if quick else (120, 120)
    board_league = LeagueConfig(freeze_after=max(1, steps // 8))
    agents: dict[str, Network] = {}
    leagues: dict[str, LeagueTraining] = {}
    for name in ("self-play", "league"):
        config = board_league if name == "league" else only_self_play(board_league)
        training = LeagueTraining(
            game, network=BOARD, learning=BOARD_LEARNING, config=config, seed=seed
        )
        players = len(training.league.players)
        for _ in page.steps(name, steps if players > 1 else 4 * steps):
            training.step()
        agents[name], leagues[name] = training.main, training
    frozen = leagues["league"].league.frozen
    networks = [leagues["league"].network_of(each) for each in frozen]
    payoffs = np.zeros((len(frozen), len(frozen)))
    rng = np.random.default_rng(seed)
    for a, b in combinations(range(len(frozen)), 2):
        played = play_games(game, networks[a], networks[b], games=20 if quick else 100, rng=rng)
        payoffs[a, b] = played.results.mean()
        payoffs[b, a] = -payoffs[a, b]
    page.figure(
        draw_payoffs({"Connect Four": (payoffs, [each.name for each in frozen])}),
        "connect_four",
        caption="The league on Connect Four: pay-offs between all frozen players.",
    )
    played = play_games(game, agents["league"], agents["self-play"], games=1000, rng=rng)
    hunted = {
        name: [
            exploit(game, agent, steps=hunt, seed=seed + k, page=page)
            for k in range(1 if quick else 2)
        ]
        for name, agent in agents.items()
    }
    page.table(
        ("agent", "points of exploiters against it"),
        [(name, ", ".join(f"{each:.0%}" for each in points)) for name, points in hunted.items()],
    )
    page.result(
        f"the league's main agent makes {(played.results.mean() + 1) / 2:.0%} of the points "
        "against the self-player in 1,000 games"
    )
