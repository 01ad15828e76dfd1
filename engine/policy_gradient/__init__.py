"""Learning to play from the results of games alone: policy gradients without search."""
