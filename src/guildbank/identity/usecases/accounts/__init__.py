"""The verbs of a player's address and password, one a file."""
