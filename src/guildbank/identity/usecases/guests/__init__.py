"""The verbs of guests, one a file: players who have nothing but a secret that the server made."""
