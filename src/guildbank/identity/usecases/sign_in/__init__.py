"""The verbs by which players come in and keep their sessions, one a file."""
