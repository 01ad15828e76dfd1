"""The training loop: run directory, workers, learner, and what they say to each other."""
