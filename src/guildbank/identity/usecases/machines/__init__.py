"""The verbs of machine keys, one a file."""
