"""Routes by which a tenant says what keeps robots out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar

from litestar import get, put
from msgspec import Meta

from guildbank.identity.contracts.protection import Action, Disposable
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.protection.keep import (
    Shown,
    WantedCaptcha,
    get_protection,
    set_protection,
)
from guildbank.infra.http import Body, JSONBody, Service, View, Who, granted, scope

Parts = Service[Identity]
READ, WRITE = "protection:read", "protection:write"
TAGS: Sequence[str] = ["Protection"]
EXAMPLE = {
    "provider": "turnstile",
    "siteKey": "1x00000000000000000000AA",
    "actions": ["register", "login"],
}


class CaptchaBody(Body):
    """A captcha, and what needs one. Secrets that are left out of `settings` stay as they are."""

    __example__: ClassVar = {
        **EXAMPLE,
        "settings": {"secret_key": "1x0000000000000000000000000000000AA"},
    }

    provider: Annotated[str, Meta(min_length=1, max_length=64)]
    site_key: Annotated[str, Meta(min_length=1, max_length=200)]
    settings: Annotated[dict[str, Any], Meta(max_length=50)]
    actions: Annotated[list[Action], Meta(min_length=1, max_length=4)]


class ProtectionBody(Body):
    """All of what keeps robots out: what is left out here is switched off or as at the start."""

    __example__: ClassVar = {"disposableAddresses": "refuse", "captcha": None}

    disposable_addresses: Disposable = "refuse"
    captcha: CaptchaBody | None = None


class CaptchaView(View):
    """The captcha; `secretsSet` names the secrets that are stored.

    `problem` says why the plugin cannot use what an older version of it stored: save them anew.
    """

    __example__: ClassVar = {
        **EXAMPLE, "settings": {}, "secretsSet": ["secret_key"], "problem": None,
    }  # fmt: skip

    provider: str
    site_key: str
    actions: Sequence[Action]
    settings: Mapping[str, Any]
    secrets_set: Sequence[str]
    problem: str | None


class ProtectionView(View):
    """What keeps robots out of the tenant."""

    __example__: ClassVar = {"disposableAddresses": "refuse"}

    disposable_addresses: Disposable
    captcha: CaptchaView | None
    changed_at: datetime | None


@get("/v1/protection", guards=[scope(READ)], tags=TAGS, summary="Read what keeps robots out")
async def read(identity: Parts, caller: Who) -> ProtectionView:
    """Return whether disposable addresses are taken, and what needs a captcha."""
    return _view(await get_protection(identity, caller.home))


@put("/v1/protection", guards=[scope(WRITE)], tags=TAGS, summary="Set what keeps robots out")
async def write(identity: Parts, caller: Who, data: JSONBody[ProtectionBody]) -> ProtectionView:
    """Set all of it, within a second on every worker.

    `register`, `reset_password` and `guest` need a captcha each time, `login` after three failures
    for an account or twenty from an address. While the captcha's provider does not answer, nobody
    gets past these.
    """
    wanted = None
    if data.captcha is not None:
        wanted = WantedCaptcha(
            provider=data.captcha.provider,
            site_key=data.captcha.site_key,
            settings=data.captcha.settings,
            actions=data.captcha.actions,
        )
    disposable = data.disposable_addresses
    done = await set_protection(identity, caller.home, caller.principal, disposable, wanted)
    return _view(granted(done))


def _view(shown: Shown) -> ProtectionView:
    captcha, view = shown.protection.captcha, None
    if captcha is not None:
        view = CaptchaView(
            provider=captcha.provider,
            site_key=captcha.site_key,
            actions=captcha.actions,
            settings=shown.settings,
            secrets_set=shown.secrets_set,
            problem=shown.problem,
        )
    return ProtectionView(
        disposable_addresses=shown.protection.disposable_addresses,
        captcha=view,
        changed_at=shown.protection.changed_at,
    )


ROUTES = (read, write)
