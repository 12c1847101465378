"""A scripted provider of whom disputes can be asked, and that takes evidence as a test tells it."""

import msgspec
from tests.payments.scripted import MANIFEST, Lost, Scripted

from guildbank.plugin_api import (
    Context,
    DisputeStand,
    DisputeStatus,
    EvidenceRefused,
    EvidenceRequest,
)


class Bank(Scripted):
    """A provider of whom a dispute can be asked, and that takes evidence as a test tells it."""

    def __init__(self, id_: str = "bank") -> None:
        super().__init__(
            msgspec.structs.replace(MANIFEST, id=id_, evidence_fields={"product_description": 40})
        )
        self.cases: dict[str, DisputeStand] = {}
        self.on_evidence: Exception | EvidenceRefused | None = None
        self.takes_it = True
        self.given: list[EvidenceRequest] = []
        self.reads_disputes = True

    async def fetch_dispute(self, context: Context, reference: str) -> DisputeStand | None:
        if not self.reads_disputes:
            return None
        if reference not in self.cases:
            raise Lost
        return self.cases[reference]

    async def submit_evidence(
        self, context: Context, request: EvidenceRequest
    ) -> DisputeStand | EvidenceRefused:
        case = self.cases[request.reference]
        if isinstance(self.on_evidence, EvidenceRefused):
            return self.on_evidence
        self.given.append(request)
        if self.takes_it:
            status = DisputeStatus.UNDER_REVIEW
            case = msgspec.structs.replace(case, status=status, answered=True)
            self.cases[case.reference] = case
        if self.on_evidence is not None:
            raise self.on_evidence
        return case
