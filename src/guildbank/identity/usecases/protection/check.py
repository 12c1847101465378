"""The doors at which robots, throw-away addresses and breached passwords are stopped."""

import asyncio
from collections.abc import Sequence

import structlog

from guildbank.identity.contracts.players import Email
from guildbank.identity.contracts.protection import (
    BREACHED_PASSWORD,
    DISPOSABLE_ADDRESS,
    Action,
    captcha_required,
)
from guildbank.identity.disposable import is_disposable
from guildbank.identity.strength import read_password
from guildbank.identity.usecases import Identity
from guildbank.infra.breached import BadList
from guildbank.infra.http import ClientAddress
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.plugin_host import CAPTCHA_UNAVAILABLE, CaptchaTerms

log = structlog.get_logger(__name__)

LIST_UNREADABLE = Refusal(
    code="too_busy",
    detail="New passwords cannot be checked at the moment. Try again in a while.",
)


async def check_new_password(
    identity: Identity, text: str, known_words: Sequence[str] = ()
) -> str | Refusal:
    """Return a new password in the form in which it is hashed, if it is a good one.

    For registering, resetting and changing. Refusals: `out_of_range`, `invalid_value`,
    `weak_password`, `breached_password`, each naming `password`; `too_busy` while the list of
    breached passwords cannot be read.
    """
    password = read_password(text, known_words)
    if isinstance(password, Refusal):
        return password
    try:
        breached = await asyncio.to_thread(identity.breached.knows, password)
    except (BadList, OSError) as error:
        log.error("breached_passwords_unreadable", error=str(error))
        return LIST_UNREADABLE
    return BREACHED_PASSWORD if breached else password


async def check_address_allowed(
    identity: Identity, tenant: TenantRef, email: Email | None
) -> Refusal | None:
    """Return `disposable_address` where the tenant does not take this address, else None."""
    if email is None or not is_disposable(email):
        return None
    protection = await identity.protections.of(tenant)
    return DISPOSABLE_ADDRESS if protection.disposable_addresses == "refuse" else None


async def check_captcha(
    identity: Identity,
    tenant: TenantRef,
    action: Action,
    response: str | None,
    address: ClientAddress,
) -> Refusal | None:
    """Return why the action may not go on, None where no captcha is needed or it was solved.

    A response is used up, so ask after all that costs nothing. Not for the inside of a
    transaction. Refusals: `captcha_required`, which says what to show, `captcha_failed`,
    `captcha_unavailable`.
    """
    captcha = (await identity.protections.of(tenant)).captcha
    if captcha is None or action not in captcha.actions:
        return None
    if not response:
        return captcha_required(captcha)
    safe = await identity.protections.safe(tenant)
    manifest = identity.protections.captchas.manifest(captcha.provider)
    if manifest is not None and (problem := safe.problem(captcha, manifest)) is not None:
        log.error("settings_unread", tenant=tenant.slug, captcha=captcha.provider, why=problem)
        return CAPTCHA_UNAVAILABLE
    terms = CaptchaTerms(
        tenant=tenant.slug,
        mode=tenant.mode,
        settings=safe.open(captcha) if manifest is None else safe.read(captcha, manifest),
        now=identity.clock.now(),
    )
    return await identity.protections.captchas.verify(
        captcha.provider, terms, response, None if address.ip is None else str(address.ip)
    )


async def check_login_captcha(
    identity: Identity,
    tenant: TenantRef,
    account: str,
    address: ClientAddress,
    device_token: str | None,
    response: str | None,
) -> Refusal | None:
    """Return why a try to sign in may not go on without a captcha: others have failed before it.

    Refusals are those of `check_captcha`. Raises StoreAway.
    """
    captcha = (await identity.protections.of(tenant)).captcha
    if captcha is None or "login" not in captcha.actions:
        return None
    if not await identity.throttle.suspects(tenant.id, account, address, device_token):
        return None
    return await check_captcha(identity, tenant, "login", response, address)


async def trust_login(
    identity: Identity,
    tenant: TenantRef,
    account: str,
    address: ClientAddress,
    device_token: str | None,
) -> None:
    """Note that a sign-in succeeded: the next ones need no captcha again."""
    captcha = (await identity.protections.of(tenant)).captcha
    if captcha is not None and "login" in captcha.actions:
        await identity.throttle.trust(tenant.id, account, address, device_token)
