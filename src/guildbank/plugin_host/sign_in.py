"""Calls identity providers: in time, with a client of the core, and with results that are checked.

Nothing here may run inside a database transaction: providers are peers on the network.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import msgspec
import structlog

from guildbank.infra.egress import Egress
from guildbank.kernel import Refusal
from guildbank.plugin_api import (
    REJECTIONS,
    Asserting,
    Begun,
    ExternalIdentity,
    Manifest,
    Redirecting,
    SignInAnswer,
    SignInContext,
    SignInRequest,
    Verified,
)
from guildbank.plugin_host.discovery import Plugins
from guildbank.plugin_host.outbound import Outbound, refused_place
from guildbank.plugin_host.patience import Patience

log = structlog.get_logger(__name__)
T = TypeVar("T", Begun, ExternalIdentity, Verified)

MAX_FIELDS = 64
MAX_FIELD_BYTES = 32 * 1024
"""Of all names and values of an answer or assertion together."""
MAX_SUBJECT = 255
MAX_TEXT = 1_024
MAX_URL = 8_192
MAX_KEEP_BYTES = 4_096
MAX_CLAIMS_BYTES = 32 * 1024
_FACTS = ("email", "name", "locale", "picture")
LONGEST_MEMORY = timedelta(days=31)
"""How long `once` of an assertion may have to be remembered."""

UNKNOWN_PROVIDER = Refusal(
    code="unknown_identity_provider",
    detail="There is no such way to sign in here, or it does not work like this.",
    field="provider",
)
UNAVAILABLE = Refusal(
    code="provider_unavailable",
    detail="The identity provider did not answer in a way that can be used. Try again.",
)
LEFT_ALONE = Refusal(
    code=UNAVAILABLE.code,
    detail="The identity provider failed several times and is left alone for half a minute.",
)
CODES: Mapping[str, tuple[int, str]] = {
    UNKNOWN_PROVIDER.code: (422, "The tenant has no such identity provider."),
    UNAVAILABLE.code: (502, "The identity provider did not answer in a way that can be used."),
    **{code: (400, meaning) for code, meaning in REJECTIONS.items()},
    "sign_in_denied": (403, REJECTIONS["sign_in_denied"]),
    "account_barred": (403, REJECTIONS["account_barred"]),
}
"""Every code that comes out of this module, with HTTP status and meaning, for a room to declare."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a room knows when it calls a provider; `settings` with secrets in clear.

    `claims` names what else it wants to hear of the person.
    """

    tenant: str
    mode: str
    settings: Mapping[str, Any]
    now: datetime
    redirect_uri: str
    claims: tuple[str, ...] = ()


class IdentityProviders:
    """The identity providers of this process, ready to be called.

    Each verb returns what the plugin returned, or a Refusal with one of CODES; it never raises
    for what a plugin or a provider does. One that keeps people waiting for nothing is left alone.
    """

    def __init__(self, plugins: Plugins, egress: Egress, patience: Patience | None = None) -> None:
        self._plugins = plugins
        self._egress = egress
        self._patience = patience or Patience()

    def manifest(self, provider: str) -> Manifest | None:
        """Return what a provider says of itself, None where there is none of this id."""
        plugin = self._plugins.identity_provider(provider)
        return None if plugin is None else plugin.manifest

    async def refused_place(
        self, manifest: Manifest, settings: Mapping[str, Any], tenant: str
    ) -> Refusal | None:
        """Return `invalid_settings` for an address among the settings that may not be called."""
        return await refused_place(self._egress, manifest, settings, tenant)

    async def begin(self, provider: str, terms: Terms, request: SignInRequest) -> Begun | Refusal:
        """Return where to send the person, and what to keep sealed beside the state."""
        plugin = self._redirecting(provider)
        if plugin is None:
            return UNKNOWN_PROVIDER
        context = self._context(plugin.manifest, terms)
        # Whatever it raises here, nothing that a stranger sent can be why.
        return await self._ask(
            plugin.manifest, terms, lambda: plugin.begin(context, request), Begun, counts=True
        )

    async def finish(
        self, provider: str, terms: Terms, params: Mapping[str, str], keep: Mapping[str, str]
    ) -> ExternalIdentity | Refusal:
        """Say who came back with these parameters; `keep` is what `begin` gave for the state."""
        plugin = self._redirecting(provider)
        if plugin is None:
            return UNKNOWN_PROVIDER
        if not _fits(params):
            return _too_large("params")
        context = self._context(plugin.manifest, terms)
        answer = SignInAnswer(params=params)
        return await self._ask(
            plugin.manifest, terms, lambda: plugin.finish(context, answer, keep), ExternalIdentity
        )

    async def verify(
        self, provider: str, terms: Terms, assertion: Mapping[str, str]
    ) -> Verified | Refusal:
        """Say who holds an assertion. The caller must take each `once` one time until `until`."""
        plugin = self._plugins.identity_provider(provider)
        if plugin is None or "asserting" not in plugin.manifest.capabilities:
            return UNKNOWN_PROVIDER
        if not _fits(assertion):
            return _too_large("assertion")
        context = self._context(plugin.manifest, terms)
        asserting = cast("Asserting", plugin)
        verified = await self._ask(
            plugin.manifest, terms, lambda: asserting.verify(context, assertion), Verified
        )
        if isinstance(verified, Verified) and not (
            terms.now < verified.until <= terms.now + LONGEST_MEMORY
        ):
            log.error("identity_provider_malformed", plugin=provider, field="until")
            return UNAVAILABLE
        return verified

    def _redirecting(self, provider: str) -> Redirecting | None:
        plugin = self._plugins.identity_provider(provider)
        if plugin is None or "redirecting" not in plugin.manifest.capabilities:
            return None
        return cast("Redirecting", plugin)

    def _context(self, manifest: Manifest, terms: Terms) -> SignInContext:
        return SignInContext(
            tenant=terms.tenant,
            mode=terms.mode,
            settings=terms.settings,
            now=terms.now,
            redirect_uri=terms.redirect_uri,
            http=Outbound(self._egress, manifest, terms.settings, terms.tenant),
            claims=terms.claims,
        )

    async def _ask(
        self,
        manifest: Manifest,
        terms: Terms,
        call: Callable[[], Awaitable[T | Refusal]],
        expected: type[T],
        *,
        counts: bool = False,
    ) -> T | Refusal:
        """Return what the plugin says, if it says it in time and in the form of its slot.

        Where it `counts` in any case, a failure need not be slow to be counted.
        """
        if not self._patience.lasts(terms.tenant, manifest):
            return LEFT_ALONE
        began, limit = self._patience.began(), asyncio.timeout(manifest.timeout_seconds)
        try:
            async with limit:
                result = await call()
        except Exception as error:  # nobody could say, and the person may try again
            # Only its name: a library's message may hold what the provider sent.
            name, counts = type(error).__name__, counts or limit.expired()
            log.warning("identity_provider_failed", plugin=manifest.id, error=name)
            self._patience.failed(terms.tenant, manifest, began, counts=counts)
            return UNAVAILABLE
        said = _checked(manifest, result, expected)
        if said is UNAVAILABLE:
            self._patience.failed(terms.tenant, manifest, began, counts=counts)
        else:
            self._patience.answered(terms.tenant, manifest)
        return said


def _checked(manifest: Manifest, result: T | Refusal, expected: type[T]) -> T | Refusal:
    """Return what a plugin said, or `provider_unavailable` where it is not of its slot's form."""
    fault: str | None = "type"
    if isinstance(result, Refusal):
        if result.code in REJECTIONS:
            return result
        fault = f"code {result.code[:64]!r}"
    elif isinstance(result, expected):
        fault = fault_in(result)
        if fault is None:
            return _without_junk(result)
    log.error("identity_provider_malformed", plugin=manifest.id, field=fault)
    return UNAVAILABLE


def fault_in(result: Begun | ExternalIdentity | Verified) -> str | None:
    """Return which field of a plugin's result cannot be used, None when all can."""
    if isinstance(result, Begun):
        if not _is_web(result.url):
            return "url"
        size = sum(len(name) + len(value) for name, value in result.keep.items())
        return "keep" if size > MAX_KEEP_BYTES else None
    if isinstance(result, Verified):
        return fault_in(result.identity) if 16 <= len(result.once) <= MAX_SUBJECT else "once"
    if not _names(result.issuer, MAX_TEXT):
        return "issuer"
    if not _names(result.subject, MAX_SUBJECT):
        return "subject"
    return None if _is_small_json(result.claims) else "claims"


def _is_small_json(claims: Mapping[str, Any]) -> bool:
    try:
        return len(msgspec.json.encode(claims)) <= MAX_CLAIMS_BYTES
    except (TypeError, ValueError, RecursionError):
        return False


def _without_junk(result: T) -> T:
    """Return the result without those facts about a person that no column takes."""
    if isinstance(result, Verified):
        return msgspec.structs.replace(result, identity=_without_junk(result.identity))
    if not isinstance(result, ExternalIdentity):
        return result
    texts = {name: getattr(result, name) for name in _FACTS}
    junk: dict[str, object] = {
        name: None for name, text in texts.items() if text and not _is_text(text)
    }
    if "email" in junk:
        junk["email_verified"] = False
    return msgspec.structs.replace(result, **junk)


def _is_web(url: str) -> bool:
    parts = urlsplit(url)
    return len(url) <= MAX_URL and parts.scheme in ("https", "http") and bool(parts.netloc)


def _names(text: str, longest: int) -> bool:
    return 0 < len(text) <= longest and text.isprintable() and text == text.strip()


def _is_text(text: str) -> bool:
    """Say whether a text fits a column: short, and without U+0000 and halves of a pair."""
    return len(text) <= MAX_TEXT and not any(c == "\x00" or 0xD800 <= ord(c) < 0xE000 for c in text)


def _fits(fields: Mapping[str, str]) -> bool:
    size = sum(len(name.encode("utf-8", "replace")) for name in (*fields, *fields.values()))
    return len(fields) <= MAX_FIELDS and size <= MAX_FIELD_BYTES


def _too_large(field: str) -> Refusal:
    return Refusal(
        code="bad_assertion",
        detail=f"At most {MAX_FIELDS} fields of {MAX_FIELD_BYTES} bytes together are read.",
        field=field,
    )
