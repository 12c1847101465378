"""Reaches the signing keys of tokens straight in the database, for whoever owns it."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from guildbank.infra.config import Settings

if TYPE_CHECKING:
    from guildbank.identity import SigningKeyState


class NotRotated(Exception):
    """The keys stay as they are; the message says why."""


def list_signing_keys(settings: Settings) -> "Sequence[SigningKeyState]":
    """Return every key with its state, in the order in which they sign."""
    return asyncio.run(_list(settings))


def rotate_signing_key(settings: Settings, *, at_once: bool) -> "SigningKeyState":
    """Publish a new key, or drop all others `at_once`; raises NotRotated."""
    return asyncio.run(_rotate(settings, at_once))


async def _list(settings: Settings) -> "Sequence[SigningKeyState]":
    from guildbank.app.wiring import open_services

    services = open_services(settings, application="guildbank cli")
    try:
        return await services.identity.signing.list_all()
    finally:
        await services.close()


async def _rotate(settings: Settings, at_once: bool) -> "SigningKeyState":
    from guildbank.app.wiring import open_services
    from guildbank.kernel import Refusal

    services = open_services(settings, application="guildbank cli")
    try:
        recorder = await services.identity.recorder(None)
        rotated = await services.identity.signing.rotate(recorder, at_once=at_once)
    finally:
        await services.close()
    if isinstance(rotated, Refusal):
        raise NotRotated(rotated.detail)
    return rotated
