"""Routes by which the tenant's machines read and change profiles."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar, Literal

import msgspec
from litestar import get, patch
from litestar.params import PathParameter
from msgspec import Meta

from guildbank.identity.contracts.players import PlayerState
from guildbank.identity.store.profiles import AgeConfirmation
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.lives.profile import Whole, change_profile, read_whole
from guildbank.infra.http import (
    Body,
    CountryCode,
    JSONBody,
    LanguageTag,
    Service,
    View,
    Who,
    granted,
    machine_or_self,
    read_country,
    scope,
)

Parts = Service[Identity]
Unset = msgspec.UnsetType
READ, WRITE = "players:read", "players:write"
TAGS: Sequence[str] = ["Profiles"]
PlayerId = Annotated[str, PathParameter(description="The player's id.", max_length=90)]
AgeMethod = Annotated[
    Literal["document", "card", "declared", "vendor", "other"],
    Meta(description="How it was made sure that the player is of age."),
]
ConfirmedAt = Annotated[
    datetime, Meta(tz=True, description="When, with a zone.", examples=["2026-11-01T09:00:00Z"])
]


class AgeBody(Body):
    """That somebody made sure that the player is of age."""

    __example__: ClassVar = {"method": "document", "at": "2026-11-01T09:00:00Z"}

    method: AgeMethod
    at: ConfirmedAt


class PlayerProfileBody(Body):
    """What a machine changes of a profile. Null takes back; what is left out stays."""

    __example__: ClassVar = {"locale": "en", "country": "DE"}

    locale: LanguageTag | Unset | None = msgspec.UNSET
    country: CountryCode | Unset | None = msgspec.UNSET
    age_confirmation: AgeBody | Unset | None = msgspec.UNSET


class AgeView(View):
    """How it is known that the player is of age, and who says so."""

    __example__: ClassVar = {"method": "document", "by": "app_01kag3pyqmf9aag12vtrsy70ps"}

    method: str
    at: datetime
    by: str | None


class PlayerProfileView(View):
    """A player's profile."""

    __example__: ClassVar = {
        "userId": "player_01kag3pyqmf9aag12vtrsy70ps",
        "username": "alice",
        "email": "alice@example.com",
        "locale": "en",
        "country": "DE",
        "ageConfirmation": None,
    }

    user_id: str
    state: PlayerState
    username: str | None
    email: str | None
    email_confirmed: bool
    locale: str | None
    country: str | None
    age_confirmation: AgeView | None
    created_at: datetime


@patch(
    "/v1/players/{player_id:str}",
    guards=[scope(WRITE)],
    tags=TAGS,
    summary="Change a player's profile",
)
async def change(
    identity: Parts, caller: Who, player_id: PlayerId, data: JSONBody[PlayerProfileBody]
) -> PlayerProfileView:
    """Change the language or country of a player, or say that they are of age."""
    age = data.age_confirmation
    if isinstance(age, AgeBody):
        confirmed: AgeConfirmation | Unset | None = AgeConfirmation(
            at=age.at, method=age.method, by=caller.principal
        )
    else:
        confirmed = age
    changed = await change_profile(
        identity, caller.home, player_id, _given(data), by=caller.principal, age=confirmed
    )
    return _view(granted(changed))


@get(
    "/v1/players/{player_id:str}/profile",
    guards=[machine_or_self(READ)],
    tags=TAGS,
    summary="Read a player's profile",
)
async def read(identity: Parts, caller: Who, player_id: PlayerId) -> PlayerProfileView:
    """Return what a player is called and said of themselves, and whether they are of age."""
    return _view(granted(await read_whole(identity, caller.home, player_id)))


def _given(data: PlayerProfileBody) -> dict[str, str | None]:
    given: dict[str, str | None] = {}
    if not isinstance(data.locale, Unset):
        given["locale"] = data.locale
    if not isinstance(data.country, Unset):
        given["country"] = granted(read_country(data.country))
    return given


def _view(whole: Whole) -> PlayerProfileView:
    profile, age = whole.profile, whole.age
    return PlayerProfileView(
        user_id=profile.player_id,
        state=profile.state,
        username=profile.username,
        email=profile.email,
        email_confirmed=profile.email_confirmed,
        locale=profile.locale,
        country=profile.country,
        age_confirmation=None if age is None else AgeView(age.method, age.at, age.by),
        created_at=profile.created_at,
    )


ROUTES = (change, read)
