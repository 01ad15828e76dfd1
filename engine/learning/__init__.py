"""From stored self-play games to better weights: store, window, targets, training, checkpoints."""
