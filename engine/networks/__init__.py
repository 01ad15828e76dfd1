"""Policy-value networks in PyTorch."""
