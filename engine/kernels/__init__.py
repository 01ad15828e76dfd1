"""What all compiled code of the engine shares: how it is compiled, and its arithmetic."""
