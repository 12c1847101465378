"""Forms of keys, addresses and codes, who may give what, and what a token or proof is worth."""

import re
import secrets
import string
from base64 import urlsafe_b64encode
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
import pyotp

from guildbank.identity.contracts.external import MAX_RETURN_URL
from guildbank.identity.contracts.factors import Factors
from guildbank.identity.contracts.machines import KeyKind
from guildbank.identity.contracts.operators import OWNER, OWNERS_ONLY
from guildbank.identity.contracts.players import Email
from guildbank.identity.contracts.sign_in import (
    REFRESH_REUSED,
    Method,
    Session,
    SigningKeyRow,
    SigningKeyState,
)
from guildbank.kernel import Refusal, is_loopback, parse_address

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


TOTP_STEP_SECONDS = 30
TOTP_WINDOW = 1
"""Steps before and after the present one whose codes are taken: clocks differ."""
RECOVERY_CODES = 10
_RECOVERY_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that look alike; 12 of them are 59 bits."""
_SECOND = frozenset({"totp", "recovery_code", "mailed_code"})


def totp_step(secret: str, code: str, now: datetime) -> int | None:
    """Return the step of RFC 6238 whose six digits the code is, None for one of no near step.

    `secret` is in base32; steps have 30 seconds and begin at the Unix epoch.
    """
    if not (code.isascii() and code.isdecimal()):
        return None
    totp = pyotp.TOTP(secret, interval=TOTP_STEP_SECONDS)
    present = int(now.timestamp()) // TOTP_STEP_SECONDS
    found = None
    for step in range(max(present - TOTP_WINDOW, 0), present + TOTP_WINDOW + 1):
        if secrets.compare_digest(totp.generate_otp(step), code):
            found = step
    return found


def new_recovery_codes() -> list[str]:
    """Return ten codes, each to be used once, such as `k7wq-p2mn-x8ru`."""
    return ["-".join(_random(4) for _ in range(3)) for _ in range(RECOVERY_CODES)]


def _random(length: int) -> str:
    return "".join(secrets.choice(_RECOVERY_SIGNS) for _ in range(length))


def bare_code(text: str) -> str:
    """Return a code as it is compared: without the spaces and hyphens that people copy or add."""
    return "".join(sign for sign in text if sign not in " -\u00a0").lower()


def proves_twice(methods: Sequence[Method]) -> bool:
    """Say whether a sign-in needs no second factor any more.

    A passkey counts for both where it is all: its holder was verified by it. A code counts where
    it was not the way in itself.
    """
    return "passkey" in methods or any(method in _SECOND for method in methods[1:])


def ways_to_prove(factors: Factors) -> tuple[Method, ...]:
    """Return by which methods the player can prove a second factor, the strongest first.

    Who has none can be mailed a code. So can who has only passkeys of a host that the tenant gave
    up, which are as good as lost.
    """
    ways: list[Method] = []
    if factors.passkeys:
        ways.append("passkey")
    if factors.totp:
        ways.append("totp")
    if factors.address is not None and (factors.mailed_code or not ways):
        ways.append("mailed_code")
    if factors.protected and factors.recovery_codes:
        ways.append("recovery_code")
    return tuple(ways)


PUBLISHED_AHEAD = timedelta(minutes=15)
"""So long a key is listed before it signs: caches of the list are kept for five minutes."""
VERIFIES_ON = timedelta(minutes=12)
"""So long a key verifies when the next one signs: a token's ten minutes, and clocks that differ."""
SIGNS_FOR = timedelta(days=90)


def key_states(rows: Sequence[SigningKeyRow], now: datetime) -> list[SigningKeyState]:
    """Return the state of each key, in the order in which they sign; exactly one signs, if any.

    All workers come to the same answer by the clock, so none has to be told.
    """
    ordered = sorted(rows, key=lambda row: (row.signs_at, row.id))
    begun = sum(row.signs_at <= now for row in ordered)
    # A clock that was set back finds no key begun: then the first one goes on signing.
    signer = max(0, begun - 1)
    states = []
    for at, row in enumerate(ordered):
        following = ordered[at + 1].signs_at if at + 1 < len(ordered) else None
        if at > signer:
            states.append(SigningKeyState(row.id, row.signs_at, "published", row.signs_at))
        elif at == signer:
            states.append(SigningKeyState(row.id, row.signs_at, "signs", following))
        else:
            until = ordered[at + 1].signs_at + VERIFIES_ON
            if until <= now:
                states.append(SigningKeyState(row.id, row.signs_at, "gone", None))
            else:
                states.append(SigningKeyState(row.id, row.signs_at, "verifies", until))
    return states


def new_token(kind: KeyKind) -> str:
    """Return a fresh token of the kind."""
    return _PREFIX[kind] + "".join(secrets.choice(_ALPHABET) for _ in range(_LETTERS))


def is_token(text: str) -> bool:
    """Say whether the text has the form of a key; others need no look at the database."""
    return _TOKEN.fullmatch(text) is not None


def token_hash(token: str) -> bytes:
    """Return what is stored of a token."""
    return sha256(token.encode()).digest()


_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")
"""A scheme of an app's own has a dot, as RFC 8252, section 7.1, asks: `com.example.game`."""
_URL = re.compile(r"[!-~]+")


def check_return_url(url: str, field: str) -> Refusal | None:
    """Return why people cannot be sent back to this address with a code (`invalid_value`).

    https anywhere, http on loopback (RFC 8252, section 7.3), or a scheme of an app's own.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return _no_return_url("is no address", field)
    if len(url) > MAX_RETURN_URL or not _URL.fullmatch(url) or "\\" in url:
        return _no_return_url(f"is longer than {MAX_RETURN_URL} characters or not ASCII", field)
    if "#" in url or "@" in parts.netloc:
        return _no_return_url("has a fragment or a user", field)
    if any(name in _OURS for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
        return _no_return_url("has a parameter `code`, `state` or `error`, which are ours", field)
    web = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    if (web and host) or _SCHEME.fullmatch(parts.scheme):
        return None
    return _no_return_url(
        "is none of https://, http:// on this machine, or a scheme of an app's own with a dot, "
        "such as com.example.game:/signed-in",
        field,
    )


_OURS = frozenset({"code", "state", "error"})


def _no_return_url(why: str, field: str) -> Refusal:
    return Refusal(code="invalid_value", detail=f"This return URL {why}.", field=field)


def with_query(url: str, **more: str | None) -> str:
    """Return a registered return URL with further parameters behind those that it has."""
    added = urlencode({name: value for name, value in more.items() if value is not None})
    return f"{url}{'&' if '?' in url else '?'}{added}"


def external_key(issuer: str, subject: str) -> bytes:
    """Return what stands for an account elsewhere: no two pairs have the same."""
    return sha256(msgspec.json.encode((issuer, subject))).digest()


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a PKCE verifier (RFC 7636, section 4.2)."""
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


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


def check_power(scopes: Iterable[str], held: Collection[str] | None) -> Refusal | None:
    """Return why the caller may not end, renew or add to what has these scopes, else None.

    `held` is what the caller has (None: anything).
    """
    above = () if held is None else sorted(set(scopes).difference(held))
    if not above:
        return None
    return Refusal(
        code="scope_not_held",
        detail=f"It has the scope {above[0]}, which you lack: only who has all of its scopes may "
        "change it.",
    )


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
