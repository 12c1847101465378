"""The verbs of wallets, one a file."""
