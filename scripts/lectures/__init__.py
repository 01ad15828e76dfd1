"""The lecture's systems, each small enough to run in minutes: one module a story."""
