"""Running networks on a GPU, and the same code paths on a processor."""
