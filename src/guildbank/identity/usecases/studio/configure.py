"""Set up the studio's own sign-in for operators; the secret goes in and never comes out."""

from collections.abc import Sequence

import msgspec

from guildbank.identity.contracts.events import STUDIO_CONFIGURED
from guildbank.identity.contracts.external import NO_SUCH_PLUGIN
from guildbank.identity.contracts.studio import (
    NO_STUDIO,
    PLUGIN,
    GroupRoles,
    Studio,
    StudioAccount,
    StudioSettings,
)
from guildbank.identity.store.operators import sessions
from guildbank.identity.store.operators import studio as store
from guildbank.identity.usecases.external import ExternalSignIn
from guildbank.identity.usecases.operators.authority import Authority, authority_of
from guildbank.identity.usecases.operators.staff import Plane
from guildbank.identity.usecases.studio import (
    callback_url,
    open_secret,
    plugin_settings,
    seal_secret,
)
from guildbank.infra.database import Tx
from guildbank.kernel import Refusal
from guildbank.plugin_host import check_settings

_NAMES = {
    "issuer": "issuer",
    "client_id": "clientId",
    "client_secret": "clientSecret",
    "scopes": "scopes",
    "endpoint_hosts": "endpointHosts",
}
"""How the plugin calls a setting, and how the route does."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be set up; a `secret` that is left out stays while issuer and client do."""

    enabled: bool
    settings: StudioSettings
    groups: Sequence[GroupRoles]
    secret: str | None = None


async def configure_studio(
    external: ExternalSignIn, plane: Plane, by: str, wanted: Wanted
) -> Studio | Refusal:
    """Set it up, and end the sessions of all who came in by it but for who does this.

    Who does it must be able to give every role that the groups give, before and after. Refusals:
    `not_found` (no such plugin), `invalid_settings`, `invalid_value`, `permission_not_held`,
    `operator_suspended` (who does it).
    """
    wrong = check_wanted(external, wanted) or await _refused_place(external, plane, wanted)
    if wrong is not None:
        return wrong
    async with external.identity.db.begin(plane.schema) as tx:
        refused = await configure_within(external, plane, tx, by, wanted)
        if refused is not None:
            return refused
    return await read_studio(external, plane)


async def _refused_place(external: ExternalSignIn, plane: Plane, wanted: Wanted) -> Refusal | None:
    manifest = external.providers.manifest(PLUGIN)
    assert manifest is not None, "it was checked"
    settings = plugin_settings(wanted.settings)
    wrong = await external.providers.refused_place(manifest, settings, plane.id)
    return wrong and msgspec.structs.replace(wrong, field=_field(wrong.field))


def check_wanted(external: ExternalSignIn, wanted: Wanted) -> Refusal | None:
    """Return what is wrong with the settings. `not_found` (no such plugin), `invalid_settings`."""
    manifest = external.providers.manifest(PLUGIN)
    if manifest is None:
        return NO_SUCH_PLUGIN
    given = {} if wanted.secret is None else {"client_secret": wanted.secret}
    wrong = check_settings(manifest, {**plugin_settings(wanted.settings), **given})
    if wrong is not None:
        return msgspec.structs.replace(wrong, field=_field(wrong.field))
    return None


async def configure_within(
    external: ExternalSignIn, plane: Plane, tx: Tx, by: str, wanted: Wanted
) -> Refusal | None:
    """Do what `configure_studio` does in the caller's transaction, once it is checked."""
    authority = await authority_of(plane, tx, by)
    if isinstance(authority, Refusal):
        return authority
    before = await store.read(tx.driver)
    groups = await store.groups(tx.driver)
    refused = _check(authority, groups, wanted.groups)
    if refused is not None:
        return refused
    account = StudioAccount(
        enabled=wanted.enabled,
        settings=wanted.settings,
        sealed=seal_secret(plane, wanted.secret or _kept(plane, before, wanted.settings)),
        changed_at=external.identity.clock.now(),
    )
    await store.write(tx.driver, account, wanted.groups)
    others = [one for one in await store.all_linked(tx.driver) if one != by]
    await sessions.end(tx.driver, others)
    told = {"enabled": wanted.enabled, "newSecret": wanted.secret is not None}
    await plane.recorder.record(
        tx,
        by,
        STUDIO_CONFIGURED,
        told,
        before=None if before is None else {"settings": before.settings, "groups": groups},
        after={"settings": wanted.settings, "groups": wanted.groups},
    )
    return None


async def read_studio(external: ExternalSignIn, plane: Plane) -> Studio | Refusal:
    """Return what is set up, without the secret. Refusal: `not_found`."""
    async with external.identity.db.begin(plane.schema, read_only=True) as tx:
        account = await store.read(tx.driver)
        groups = await store.groups(tx.driver)
    if account is None:
        return NO_STUDIO
    return Studio(
        enabled=account.enabled,
        settings=account.settings,
        groups=groups,
        secret_set=bool(open_secret(plane, account)),
        callback_url=callback_url(external, plane),
        changed_at=account.changed_at,
    )


def _kept(plane: Plane, before: StudioAccount | None, after: StudioSettings) -> str | None:
    """Return the secret of before, which is shown to no other issuer and for no other client."""
    if before is None:
        return None
    told = (before.settings.issuer, before.settings.client_id)
    if told != (after.issuer, after.client_id):
        return None
    return open_secret(plane, before).get("client_secret")


def _check(
    authority: Authority, before: Sequence[GroupRoles], after: Sequence[GroupRoles]
) -> Refusal | None:
    """Return why these groups cannot be changed into those, else None."""
    for index, one in enumerate(after):
        refused = authority.check_gift(one.roles)
        if refused is not None:
            field = f"groups.{index}.{refused.field}"
            return msgspec.structs.replace(refused, field=field)
    given = [role for one in before for role in one.roles if role in authority.meaning]
    refused = authority.check_gift(given)
    return None if refused is None else msgspec.structs.replace(refused, field="groups")


def _field(field: str | None) -> str | None:
    name, dot, rest = (field or "").removeprefix("settings.").partition(".")
    return _NAMES.get(name, name) + dot + rest if name in _NAMES else None
