"""AlphaGo of 2016 in small: imitation, policy gradients, a value network, and a search of both."""
