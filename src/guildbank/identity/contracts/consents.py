"""What players consent to: documents in versions, and each yes and no to them."""

from datetime import datetime

import msgspec

from guildbank.kernel import Refusal


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a document, such as `terms` 2026-11; `required` ones players must agree to."""

    kind: str
    version: str
    title: str
    url: str
    required: bool
    published_by: str
    published_at: datetime


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """One time that a player agreed to a version, or with `given` false took that back."""

    kind: str
    version: str
    given: bool
    principal: str
    at: datetime


class Consents(msgspec.Struct, frozen=True, kw_only=True):
    """What a player said last of each kind, and the required documents that are missing."""

    items: tuple[Consent, ...]
    missing: tuple[Document, ...]


DOCUMENT_EXISTS = Refusal(
    code="document_exists",
    detail="This version is published with other words. Publish the change as a new version.",
    field="version",
)
TOO_MANY_DOCUMENTS = Refusal(
    code="out_of_range", detail="A tenant has at most 500 versions of documents.", field="version"
)
TOO_MANY_CONSENTS = Refusal(
    code="too_many_consents",
    detail="The player agreed and took it back a thousand times. What was said last stands.",
)
NO_DOCUMENT = Refusal(
    code="unknown_document", detail="No such version of the document is published.", field="version"
)
OUTDATED = Refusal(
    code="document_outdated",
    detail="A newer version of the document is published: show that one.",
    field="version",
)
