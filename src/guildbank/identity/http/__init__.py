"""Routes by which keys and players are kept."""

from guildbank.identity.http import keys, players

ROUTES = (*keys.ROUTES, *players.ROUTES)
