"""Routes that read the ledger; every write goes through the rooms above."""

from guildbank.ledger.http import players, proof, transactions

ROUTES = (*players.ROUTES, *transactions.ROUTES, *proof.ROUTES)
