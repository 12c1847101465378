"""Who came back from the studio's issuer, as far as the issuer and the journey say."""

from datetime import datetime

import msgspec

from guildbank.identity.usecases.operators.browsers import Browser

MAX_NAME = 200


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """Who came back. `email` is none that the issuer disowns, `verified` one that it vouches for.

    `links` is the operator who asked for this account to be theirs, `invitation` the hash of the
    link that is accepted by this. `complete` says that no second factor of ours is due. `proved_at`
    is when they last proved who they are, where that was said.
    """

    issuer: str
    subject: str
    email: str | None
    verified: bool
    name: str | None
    groups: frozenset[str]
    links: str | None
    invitation: bytes | None
    complete: bool
    proved_at: datetime | None
    browser: Browser

    def called(self, address: str) -> str:
        """Return the person's name, or the address of who has none."""
        return (self.name or address)[:MAX_NAME]
