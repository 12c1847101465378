"""The routes by which coins move and the rules of wallets are set."""

from guildbank.wallets.http import bulk, checks, moves, own, postings, rules
from guildbank.wallets.http.approvable import APPROVABLES

__all__ = ["APPROVABLES", "ROUTES"]

ROUTES = (
    *moves.ROUTES, *rules.ROUTES, *bulk.ROUTES, *postings.ROUTES, *checks.ROUTES, *own.ROUTES,
)  # fmt: skip
