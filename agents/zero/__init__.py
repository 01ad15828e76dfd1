"""AlphaGo Zero and AlphaZero at lecture size, in one process."""
