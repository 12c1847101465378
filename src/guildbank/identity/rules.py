"""The form of keys and addresses, who may give what, and what a refresh token is worth."""

import re
import secrets
import string
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, ip_network

import msgspec

from guildbank.identity.contracts.machines import KeyKind
from guildbank.identity.contracts.operators import OWNER, OWNERS_ONLY
from guildbank.identity.contracts.players import Email
from guildbank.identity.contracts.sign_in import REFRESH_REUSED, Session
from guildbank.kernel import Refusal, parse_address

_ALPHABET = string.digits + string.ascii_letters
_LETTERS = 43
"""62^43 > 2^256: nobody guesses it, so a fast hash of it is safe to store."""
_TOKEN = re.compile(rf"(sk|pk)_[0-9A-Za-z]{{{_LETTERS}}}")
_PREFIX = {"secret": "sk_", "publishable": "pk_"}
_SHARED_PREFIX = 64
SHOWN = 10
"""Characters of a token that are kept for people to tell keys apart."""


def read_email(text: str) -> Email | Refusal:
    """Return an address as it is written to and compared, or `address_invalid`.

    Addresses are compared without regard to case: no provider of note tells them apart.
    """
    address = parse_address(text, "email")
    if isinstance(address, Refusal):
        return address
    return Email(address=address, canonical=address.casefold())


SAME_SUCCESSOR = timedelta(seconds=30)
"""So long the tabs that refreshed with one token agree on its successor."""


class Refresh(Enum):
    """What becomes of a refresh token that is accepted."""

    ADVANCE = "advance"
    REPEAT = "repeat"


def judge_refresh(session: Session, counter: int, now: datetime) -> Refresh | Refusal:
    """Return what a token of this counter does to a session that goes on; `refresh_reused`."""
    if counter == session.counter:
        return Refresh.ADVANCE
    if counter == session.counter - 1 and now - session.refreshed_at <= SAME_SUCCESSOR:
        return Refresh.REPEAT
    return REFRESH_REUSED


def new_token(kind: KeyKind) -> str:
    """Return a fresh token of the kind."""
    return _PREFIX[kind] + "".join(secrets.choice(_ALPHABET) for _ in range(_LETTERS))


def is_token(text: str) -> bool:
    """Say whether the text has the form of a key; others need no look at the database."""
    return _TOKEN.fullmatch(text) is not None


def token_hash(token: str) -> bytes:
    """Return what is stored of a token."""
    return sha256(token.encode()).digest()


def read_allowed(wanted: Sequence[str], held: Sequence[str] = ()) -> tuple[str, ...] | Refusal:
    """Return the networks of an allow-list as they are kept: sorted, each once.

    An IPv6 network smaller than a /64 stands for its /64, since who has one address there can take
    any other. `held` is the list of the caller's own key: nothing outside it can be given, and it
    is what a key without a list gets. Refusals: `invalid_value`, `address_not_held`.
    """
    own = [ip_network(one) for one in held]
    found: set[IPv4Network | IPv6Network] = set()
    for index, text in enumerate(wanted):
        network = _network(text)
        if network is None:
            return Refusal(
                code="invalid_value",
                detail=f"{text!r} is no network. Write it as 203.0.113.0/24 or 2001:db8:1:2::/64.",
                field=f"allowedAddresses.{index}",
            )
        if own and not any(_within(network, outer) for outer in own):
            return Refusal(
                code="address_not_held",
                detail=f"Your own key may not be used from {network}, so it cannot allow that.",
                field=f"allowedAddresses.{index}",
            )
        found.add(network)
    kept = sorted(found or own, key=lambda one: (one.version, one))
    return tuple(str(network) for network in kept)


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        network = ip_network(text)
    except ValueError:
        return None
    if isinstance(network, IPv4Network):
        return network
    if network.network_address.ipv4_mapped is not None:
        # A request from there is one from the IPv4 address: the list would never match.
        return None
    too_small = network.prefixlen > _SHARED_PREFIX
    return network.supernet(new_prefix=_SHARED_PREFIX) if too_small else network


def _within(inner: IPv4Network | IPv6Network, outer: IPv4Network | IPv6Network) -> bool:
    if isinstance(inner, IPv4Network):
        return isinstance(outer, IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and inner.subnet_of(outer)


def check_scopes(
    wanted: Iterable[str], known: Collection[str], held: Collection[str] | None
) -> Refusal | None:
    """Return why a key cannot have these scopes, else None.

    `known` is what the rooms declare; `held` is what the caller's own key has (None: anything).
    """
    for index, name in enumerate(wanted):
        if name not in known:
            return Refusal(
                code="invalid_value",
                detail=f"{name!r} is not a scope. Scopes are: {', '.join(sorted(known))}.",
                field=f"scopes.{index}",
            )
        if held is not None and name not in held:
            return Refusal(
                code="scope_not_held",
                detail=f"Your own key lacks the scope {name}, so it cannot give it.",
                field=f"scopes.{index}",
            )
    return None


def permitted_by(roles: Iterable[str], meaning: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return what these roles permit together; `meaning` is every role with its permissions."""
    return frozenset().union(*(meaning.get(role, frozenset()) for role in roles))


def check_gift(
    wanted: Sequence[str],
    meaning: Mapping[str, frozenset[str]],
    held: frozenset[str] | None,
    *,
    owner: bool,
) -> Refusal | None:
    """Return why somebody cannot give these roles, else None.

    `held` is what the giver is permitted (None: anything), `owner` whether the giver is one.
    Refusals: `invalid_value`, `permission_not_held`, each naming the role.
    """
    for index, role in enumerate(wanted):
        field = f"roles.{index}"
        if role not in meaning:
            named = ", ".join(sorted(meaning))
            detail = f"{role!r} is no role. Roles are: {named}."
            return Refusal(code="invalid_value", detail=detail, field=field)
        if role == OWNER and not owner:
            return msgspec.structs.replace(OWNERS_ONLY, field=field)
        lacked = check_permissions(meaning[role], meaning[role], held)
        if lacked is not None:
            return msgspec.structs.replace(lacked, field=field)
    return None


def check_permissions(
    wanted: Iterable[str], known: Collection[str], held: frozenset[str] | None
) -> Refusal | None:
    """Return why a role cannot have these permissions, else None.

    `known` is what there is, `held` what the giver is permitted (None: anything). Refusals:
    `invalid_value`, `permission_not_held`, each naming the permission.
    """
    for index, name in enumerate(wanted):
        field = f"permissions.{index}"
        if name not in known:
            named = ", ".join(sorted(known))
            return Refusal(
                code="invalid_value",
                detail=f"{name!r} is no permission here. Permissions are: {named}.",
                field=field,
            )
        if held is not None and name not in held:
            return Refusal(
                code="permission_not_held",
                detail=f"Your own roles lack the permission {name}, so you cannot give it.",
                field=field,
            )
    return None
