"""Talking to other programs: our agents as servers, and their programs as agents."""
