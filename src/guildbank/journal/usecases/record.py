"""Write an entry within a transaction that changes rows of its own: one commit or none.

For changes that are rare and go by no queue: a role, a key, an invitation. The transaction has
locked its rows before and touches none after this, so locks are taken in the order of every batch.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from msgspec.structs import replace

from guildbank.infra.acting import ACTING, Acting
from guildbank.infra.database import Tx, search_path
from guildbank.journal import pen, store
from guildbank.journal.act import Act, facts
from guildbank.journal.audit import AuditSealer, Witness
from guildbank.journal.batch import Batch
from guildbank.journal.contracts import Draft, Need, Outcome, Receipt, Sealed
from guildbank.journal.deciding import Group
from guildbank.journal.stage import Stage
from guildbank.journal.usecases.commit import no_probe
from guildbank.kernel import Refusal


class _Told(Act):
    """Says that something was changed; what could be refused was judged before."""

    verb: ClassVar[str] = "journal.record"
    __slots__ = ("_draft",)

    def __init__(self, principal: str, draft: Draft) -> None:
        super().__init__(principal)
        self._draft = draft

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Need nothing."""
        return ()

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Accept."""
        return self._draft


@dataclass(frozen=True, slots=True)
class Recorder:
    """Records changes in the journal of `schema`: a tenant's, or the deployment's own.

    `sealer` seals what is told of them beside the chain.
    """

    schema: str
    sealer: AuditSealer

    async def record(
        self,
        tx: Tx,
        principal: str,
        kind: str,
        told: Mapping[str, object],
        *,
        before: object = None,
        after: object = None,
        payload: Sealed | None = None,
        arriving: bool = False,
    ) -> Receipt:
        """Write an entry of `kind` by `principal` as the last thing before the commit.

        `told` are the entry's facts, in the chain for ever: ids, no words of people. `before` and
        `after` are sealed beside it with whence it came; `payload` is what a person's own key
        seals. Who is `arriving` was a stranger when the request began. A suspended journal takes
        it too. From here on the transaction sees `schema`. Other processes hear of the entry by
        the sweep.
        """
        act = _Told(principal, Draft(kind, facts(told), payload, before, after))
        acting = ACTING.get()
        if acting is not None and arriving and acting.kind == "stranger":
            acting = replace(acting, principal=principal)
        if acting is None or acting.principal != principal:
            acting = Acting(principal=principal) if before is not None or after else None
        if acting is not None:
            act.witness = Witness(self.sealer, acting)
        answer = await run_within(tx, self.schema, act, while_suspended=True)
        assert isinstance(answer, Receipt)
        return answer


async def run_within(tx: Tx, schema: str, act: Act, *, while_suspended: bool = False) -> Outcome:
    """Decide and write one act under the lock of the journal of `schema`, in the transaction.

    Returns its receipt (or the earlier one of its key), or its refusal, after which the caller
    rolls back. Raises the defect that the act itself raised.
    """
    driver = tx.driver
    await driver.execute(f"{search_path(schema)};{store.LOCK}")
    batch, group = Batch(while_suspended=while_suspended), Group((act,))
    await batch.decide(driver, [group], no_probe)
    (answer,) = group.answers
    if isinstance(answer, BaseException):
        raise answer
    if batch.accepted:
        await pen.write(driver, no_probe, batch.seal())
    return answer
