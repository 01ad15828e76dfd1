"""The `meijin` command, one file a subcommand."""
