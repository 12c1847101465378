"""Know an operator's browser again by the token that it was given at a sign-in, or tell of it."""

import msgspec

from guildbank.identity.contracts.operators import Operator
from guildbank.identity.rules import read_email
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.operators.staff import Plane
from guildbank.identity.usecases.operators.tell import seal_notice
from guildbank.kernel import Refusal
from guildbank.notify import SealedMail

MAX_NAME = 200
MAX_TOKENS = 20
"""So many people's tokens are looked at; a browser of more is not known of the others."""


class Browser(msgspec.Struct, frozen=True):
    """What a browser calls itself, and the tokens that it kept of earlier sign-ins, of anybody."""

    name: str
    tokens: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The name as it is kept and shown."""
        return "".join(sign for sign in self.name if sign.isprintable())[:MAX_NAME]


class Entry(msgspec.Struct, frozen=True):
    """A browser in which a session is to begin: its token from now on, and what is mailed of it."""

    browser: Browser
    token: str
    notice: SealedMail | None = None


async def recognise(
    identity: Identity, plane: Plane, operator: Operator, browser: Browser, *, first: bool = False
) -> Entry:
    """Return how the operator comes in by this browser; not for the inside of a transaction.

    One that is not known is told of by mail, unless it is the `first` that the operator ever uses.
    """
    entry = enter_by(identity, plane, operator, browser)
    if first or entry.token in browser.tokens:
        return entry
    told = {"device": browser.shown}
    notice = await seal_notice(identity, plane, operator, "operator_new_device", **told)
    return Entry(browser, entry.token, notice)


def enter_by(identity: Identity, plane: Plane, operator: Operator, browser: Browser) -> Entry:
    """Return how the operator comes in by this browser, where nothing is to be told of it."""
    account = account_of(operator)
    kept = token_for(identity, plane, account, browser)
    return Entry(browser, kept or identity.throttle.token_of(plane.id, account, None))


def token_for(identity: Identity, plane: Plane, account: str, browser: Browser) -> str | None:
    """Return the token by which the browser is known of this account, if it is."""
    known = (one for one in browser.tokens if identity.throttle.knows(plane.id, account, one))
    return next(known, None)


def account_of(operator: Operator) -> str:
    """Return the name under which guesses at the operator's password and browsers are known."""
    email = read_email(operator.address)
    return f"operator:{operator.address if isinstance(email, Refusal) else email.canonical}"
