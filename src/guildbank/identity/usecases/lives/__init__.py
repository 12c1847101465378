"""The verbs of what becomes of a player's record, one a file."""
