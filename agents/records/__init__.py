"""Games kept in files: SGF, PGN, KIF, CSA, USI and plain text, read and written."""

from agents.records.files import read_game, save_game, suffixes_of
from agents.records.record import GameRecord, RecordError

__all__ = ["GameRecord", "RecordError", "read_game", "save_game", "suffixes_of"]
