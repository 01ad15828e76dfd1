"""Learning to see: the perceptron, convolutional networks, and how their errors are counted."""
