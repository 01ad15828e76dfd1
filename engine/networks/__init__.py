"""Policy-value networks in PyTorch."""

from engine.networks.network import (
    OUTCOMES_FOR_MOVER,
    Network,
    NetworkConfig,
    build_network,
    fold_batch_norm,
)

__all__ = ["OUTCOMES_FOR_MOVER", "Network", "NetworkConfig", "build_network", "fold_batch_norm"]
