"""What a provider may do besides its slot: say how a dispute stands, and hand in what answers it.

The core keeps the evidence first, calls the provider outside of any transaction, and hands the same
texts in again under the same key only where the provider says that it got none.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol, runtime_checkable

import msgspec

from guildbank.plugin_api.provider import Context, DisputeStatus

MAX_EVIDENCE_CHARACTERS = 150_000
"""Characters of all texts of one answer, whatever a provider takes."""


class DisputeStand(msgspec.Struct, frozen=True, kw_only=True):
    """How a dispute stands, as its provider tells now.

    `answer_by` is until when evidence is taken, None where the buyer's bank takes none. `answered`
    says that evidence was handed in, here or elsewhere.
    """

    reference: str
    status: DisputeStatus
    answer_by: datetime | None = None
    answered: bool = False


class EvidenceRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence to hand in for the dispute `reference`: texts under names of the manifest.

    The same `idempotency_key` always comes with the same texts.
    """

    dispute_id: str
    idempotency_key: str
    reference: str
    texts: Mapping[str, str]


class EvidenceRefused(msgspec.Struct, frozen=True, kw_only=True):
    """The provider's no: nothing was handed in. `code` is its word, `detail` says what to do."""

    code: str
    detail: str


@runtime_checkable
class AnswersDisputes(Protocol):
    """Takes evidence; `evidence_fields` of its manifest names the texts and their most characters.

    Whatever either raises leaves open how the dispute stands, as everywhere.
    """

    async def fetch_dispute(self, context: Context, reference: str) -> DisputeStand:
        """Say how the dispute stands."""
        ...

    async def submit_evidence(
        self, context: Context, request: EvidenceRequest
    ) -> DisputeStand | EvidenceRefused:
        """Hand the evidence in, for good. Called again with the same key it changes nothing."""
        ...
