"""What a provider may do besides its slot: say how a dispute stands, and hand in what answers it.

`TellsDisputes` is a capability of payment providers, named `dispute_stand` in the manifest; whoever
names texts of evidence `AnswersDisputes`, and tells of them too. The core keeps the evidence first,
calls the provider outside of any transaction, and hands the same texts in again under the same key
only where the provider says that it got none.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol, runtime_checkable

import msgspec

from guildbank.plugin_api.provider import Context, DisputeStatus

DISPUTE_STAND = "dispute_stand"
MAX_EVIDENCE_CHARACTERS = 150_000
"""Characters of all texts of one answer, whatever a provider takes."""


class DisputeStand(msgspec.Struct, frozen=True, kw_only=True):
    """How a dispute stands, as its provider tells now.

    `answer_by` is until when evidence is taken, None where the buyer's bank takes none. `answered`
    says that evidence was handed in, here or elsewhere. `amount_minor` of `currency` is what the
    dispute is about or, once it is lost, what it cost; both are None where nothing is said of it.
    `withdrawn` says whether that money was taken, and `reinstated` whether it came back after that.
    They are None where the company does not tell of money apart: then it goes where the dispute is
    lost, and is here where it is won.
    """

    reference: str
    status: DisputeStatus
    answer_by: datetime | None = None
    answered: bool = False
    amount_minor: int | None = None
    currency: str | None = None
    withdrawn: bool | None = None
    reinstated: bool | None = None


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
class TellsDisputes(Protocol):
    """Says how disputes stand, so that none waits for an event that was lost."""

    async def fetch_dispute(self, context: Context, reference: str) -> DisputeStand | None:
        """Say how the dispute stands; whatever it raises leaves that open, as everywhere.

        None where these credentials may not read disputes: then what events say counts.
        """
        ...


@runtime_checkable
class AnswersDisputes(TellsDisputes, Protocol):
    """Takes evidence; `evidence_fields` of its manifest names the texts and their most characters.

    Whatever either raises leaves open how the dispute stands, as everywhere.
    """

    async def submit_evidence(
        self, context: Context, request: EvidenceRequest
    ) -> DisputeStand | EvidenceRefused:
        """Hand the evidence in, for good. Called again with the same key it changes nothing."""
        ...
