"""Settings of training runs that are small enough to be killed again and again."""

TINY = [
    "network.kind=perceptron",
    "network.hidden=[16]",
    "search.simulations=8",
    "selfplay.games=16",
    "selfplay.fast_simulations=4",
    "bootstrap.simulations=8",
    "learning.limiter.start_rows=300",
    "learning.batch_rows=64",
    "inference.precision=float32",
    "publish_seconds=2",
]
