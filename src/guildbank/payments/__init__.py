"""Real money in and out: intents, attempts, refunds, disputes, providers."""
