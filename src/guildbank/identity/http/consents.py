"""Routes of documents in versions, and of what players agree to."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, ClassVar

from litestar import get, post
from litestar.params import PathParameter
from msgspec import Meta

from guildbank.identity.contracts.consents import Consents, Document
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.lives.consent import (
    consents_of,
    list_documents,
    publish_document,
    say,
)
from guildbank.infra.http import (
    Body,
    Home,
    JSONBody,
    Service,
    View,
    Who,
    a_player,
    at_home,
    granted,
    machine_or_self,
    scope,
)
from guildbank.infra.http.schema import LINE_PATTERN

Parts = Service[Identity]
READ, WRITE = "consents:read", "consents:write"
TAGS: Sequence[str] = ["Consents"]
PlayerId = Annotated[str, PathParameter(description="The player's id.", max_length=90)]
Kind = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9_]{0,31}$(?!\n)",
        description="What the document is: terms, privacy, marketing or a word of your own.",
        examples=["terms"],
    ),
]
Version = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$(?!\n)", examples=["2026-11"])
]
Title = Annotated[
    str, Meta(min_length=1, max_length=200, pattern=LINE_PATTERN, examples=["Terms of service"])
]
Url = Annotated[
    str,
    Meta(
        max_length=2048,
        pattern=r"^https://[^\s]+$(?!\n)",
        examples=["https://moonlit.example/terms-2026-11"],
    ),
]


class DocumentBody(Body):
    """A version of a document, where it is read, and whether players must agree to it."""

    __example__: ClassVar = {"required": True}

    kind: Kind
    version: Version
    title: Title
    url: Url
    required: bool = False


class ConsentBody(Body):
    """What the player agrees to, or with `given` false takes back."""

    __example__: ClassVar = {"given": True}

    kind: Kind
    version: Version
    given: bool = True


class DocumentView(View):
    """A version of a document."""

    __example__: ClassVar = {
        "kind": "terms",
        "version": "2026-11",
        "title": "Terms of service",
        "url": "https://moonlit.example/terms-2026-11",
    }

    kind: str
    version: str
    title: str
    url: str
    required: bool
    published_at: datetime


class DocumentsView(View):
    """Documents, the newest first."""

    items: Sequence[DocumentView]


class ConsentView(View):
    """What the player said last of a kind of document."""

    __example__: ClassVar = {"kind": "terms", "version": "2026-11"}

    kind: str
    version: str
    given: bool
    at: datetime


class ConsentsView(View):
    """What a player agreed to, and the required documents that are to be agreed to yet."""

    items: Sequence[ConsentView]
    missing: Sequence[DocumentView]


@post("/v1/documents", guards=[scope(WRITE)], tags=TAGS, summary="Publish a version of a document")
async def publish(identity: Parts, caller: Who, data: JSONBody[DocumentBody]) -> DocumentView:
    """Publish a version, which never changes. The newest of a kind is the one to agree to."""
    wanted = Document(
        kind=data.kind, version=data.version, title=data.title, url=data.url,
        required=data.required, published_by="", published_at=datetime.min.replace(tzinfo=UTC),
    )  # fmt: skip
    made = await publish_document(identity, caller.home, caller.principal, wanted)
    return _document(granted(made))


@get("/v1/documents", guards=[scope(READ)], tags=TAGS, summary="List the documents")
async def list_all(identity: Parts, caller: Who) -> DocumentsView:
    """List all versions, the newest first."""
    found = await list_documents(identity, caller.home)
    return DocumentsView([_document(one) for one in found])


@get(
    "/v1/documents/current",
    opt={"public": True},
    guards=[at_home],
    tags=TAGS,
    summary="List the documents in force",
)
async def list_current(identity: Parts, home: Home) -> DocumentsView:
    """List the newest version of each kind, for whoever is about to register."""
    found = await list_documents(identity, home, newest=True)
    return DocumentsView([_document(one) for one in found])


@get("/v1/consents", guards=[a_player], tags=TAGS, summary="See one's consents")
async def read_own(identity: Parts, caller: Who) -> ConsentsView:
    """Return what the player agreed to, and what is missing."""
    return _consents(granted(await consents_of(identity, caller.home, caller.principal)))


@post(
    "/v1/consents",
    guards=[a_player],
    tags=TAGS,
    status_code=200,
    summary="Agree to a document, or take that back",
)
async def say_own(identity: Parts, caller: Who, data: JSONBody[ConsentBody]) -> ConsentsView:
    """Keep what the player says, with the time and the version. Only the newest is agreed to."""
    return await _say(identity, caller, caller.principal, data)


@get(
    "/v1/players/{player_id:str}/consents",
    guards=[machine_or_self(READ)],
    tags=TAGS,
    summary="See a player's consents",
)
async def read_of(identity: Parts, caller: Who, player_id: PlayerId) -> ConsentsView:
    """Return what a player agreed to, and what is missing."""
    return _consents(granted(await consents_of(identity, caller.home, player_id)))


@post(
    "/v1/players/{player_id:str}/consents",
    guards=[scope(WRITE)],
    tags=TAGS,
    status_code=200,
    summary="Keep a player's consent",
)
async def say_for(
    identity: Parts, caller: Who, player_id: PlayerId, data: JSONBody[ConsentBody]
) -> ConsentsView:
    """Keep what a player said in the game's own dialogue."""
    return await _say(identity, caller, player_id, data)


async def _say(identity: Identity, caller: Who, player_id: str, data: ConsentBody) -> ConsentsView:
    said = await say(
        identity, caller.home, caller.principal, player_id, data.kind, data.version,
        given=data.given,
    )  # fmt: skip
    return _consents(granted(said))


def _document(one: Document) -> DocumentView:
    return DocumentView(one.kind, one.version, one.title, one.url, one.required, one.published_at)


def _consents(found: Consents) -> ConsentsView:
    return ConsentsView(
        items=[ConsentView(one.kind, one.version, one.given, one.at) for one in found.items],
        missing=[_document(one) for one in found.missing],
    )


ROUTES = (publish, list_all, list_current, read_own, say_own, read_of, say_for)
