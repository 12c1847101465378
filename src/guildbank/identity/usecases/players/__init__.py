"""The verbs of player records, one a file."""
