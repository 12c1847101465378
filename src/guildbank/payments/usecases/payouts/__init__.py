"""The verbs of payouts, one a file: coins that leave the game as money."""
