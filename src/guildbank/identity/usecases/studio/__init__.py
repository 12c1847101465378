"""The verbs of operators' sign-in by the studio's own issuer, one a file, and what they share."""

from typing import Any

import msgspec

from guildbank.identity.contracts.studio import StudioAccount, StudioSettings
from guildbank.identity.store.operators import studio as store
from guildbank.identity.usecases.external import ExternalSignIn
from guildbank.identity.usecases.operators.staff import Plane
from guildbank.kernel import Refusal
from guildbank.plugin_host import UNKNOWN_PROVIDER, Terms


async def terms_of(
    external: ExternalSignIn, plane: Plane
) -> tuple[StudioSettings, Terms] | Refusal:
    """Return what the issuer is called with, where it is switched on.

    Refusal: `unknown_identity_provider`.
    """
    async with external.identity.db.begin(plane.schema, read_only=True) as tx:
        account = await store.read(tx.driver)
    if account is None or not account.enabled:
        return UNKNOWN_PROVIDER
    settings = account.settings
    trusted = () if settings.trusts is None else (settings.trusts.claim,)
    terms = Terms(
        # What the plugin remembers of an issuer is apart from what it knows for players.
        tenant=f"operators of {plane.id}",
        mode="live" if plane.tenant is None else plane.tenant.mode,
        settings={**plugin_settings(settings), **open_secret(plane, account)},
        now=external.identity.clock.now(),
        redirect_uri=callback_url(external, plane),
        claims=(settings.groups_claim, "email_verified", "auth_time", *trusted),
    )
    return settings, terms


def callback_url(external: ExternalSignIn, plane: Plane) -> str:
    """Return where the issuer sends people back to: of the deployment's own address, always."""
    return f"{external.url}/v1/operator/studio/callback/{plane.id}"


def plugin_settings(settings: StudioSettings) -> dict[str, Any]:
    """Return the settings as the plugin calls them, without the secret."""
    return {
        "issuer": settings.issuer,
        "client_id": settings.client_id,
        "scopes": list(settings.scopes),
        "endpoint_hosts": list(settings.endpoint_hosts),
    }


def seal_secret(plane: Plane, secret: str | None) -> bytes:
    """Return the client's secret, or that there is none, as it is stored."""
    known = {} if secret is None else {"client_secret": secret}
    return plane.sealer.seal(_place(plane), msgspec.json.encode(known))


def open_secret(plane: Plane, account: StudioAccount) -> dict[str, str]:
    """Return the client's secret under the plugin's name for it; raises SealBroken."""
    opened = plane.sealer.open(_place(plane), account.sealed)
    return msgspec.json.decode(opened, type=dict[str, str])


def _place(plane: Plane) -> bytes:
    return b"identity_operator_studio:" + plane.id.encode()
