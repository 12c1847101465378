"""Who calls: machine keys, players and the tokens of both."""
