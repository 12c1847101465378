"""Makes the key with which everything else is made: straight in the database, for its owner."""

import asyncio
from collections.abc import Sequence

from guildbank.infra.config import Settings


class NoKey(Exception):
    """The key could not be made; the message says why."""


def make_deployment_key(settings: Settings, name: str, allow: Sequence[str] = ()) -> str:
    """Return the token of a new deployment key, for use from the networks of `allow` (none: all).

    Whoever can read the database may do this.

    Raises NoKey, and what opening the services raises.
    """
    return asyncio.run(_make(settings, name, allow))


async def _make(settings: Settings, name: str, allow: Sequence[str]) -> str:
    from guildbank.app.wiring import open_services
    from guildbank.identity import create_key
    from guildbank.infra.http import DEPLOYMENT_SCOPE
    from guildbank.kernel import Refusal

    services = open_services(settings, application="guildbank cli")
    try:
        made = await create_key(
            services.identity, None, name, [DEPLOYMENT_SCOPE], allowed_addresses=allow
        )
    finally:
        await services.close()
    if isinstance(made, Refusal):
        raise NoKey(made.detail)
    return made.token
