"""The journal's verbs, one a file."""
