"""A room in miniature that sells swords for coins, by the port Items of payments."""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, NamedTuple

from guildbank.infra.database import Tx
from guildbank.journal import Act, Draft, Need, Rows, Stage, Statement, facts
from guildbank.kernel import Refusal
from guildbank.ledger import SpentPart
from guildbank.payments import Item
from guildbank.wallets import SpendLimit
from guildbank.wallets.contracts import Spend
from guildbank.wallets.usecases.spend import SpendAct

# One table beside all tenants: a tenant's schema that has one of its own serves no other history.
MAKE = """
CREATE SCHEMA laws;
CREATE TABLE laws.sword (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL DEFAULT current_schema(),
    spend BIGINT NOT NULL,
    state TEXT NOT NULL
)
"""
READ = "SELECT id, spend, state FROM laws.sword WHERE id = ANY($1::text[])"
BOUGHT_BY = """
SELECT id, spend
FROM laws.sword
WHERE tenant = current_schema()
  AND spend = ANY($1::bigint[])
ORDER BY spend DESC
"""
SAVE = """
INSERT INTO laws.sword (id, spend, state)
SELECT *
FROM unnest($1::text[], $2::bigint[], $3::text[])
ON CONFLICT (id) DO UPDATE
SET state = excluded.state
"""
USED = "smithy.used"


class Sword(NamedTuple):
    """A sword, and the entry of the spend that bought it."""

    id: str
    spend: int
    state: str


class Swords:
    """Swords by id."""

    order: ClassVar[int] = 900
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[str]) -> Statement:
        return Statement(READ, (keys,))

    def read(self, keys: Sequence[str], rows: Rows) -> Mapping[str, Sword]:
        return {row[0]: Sword(*row) for row in rows}

    def saving(self, changed: Mapping[str, Sword]) -> Sequence[Statement]:
        return [Statement(SAVE, tuple(map(list, zip(*changed.values(), strict=True))))]


SWORDS = Swords()


class SellSword(SpendAct):
    """Take the coins and hand the sword out, in one commit."""

    __slots__ = ("sword",)

    def __init__(self, principal: str, command: Spend, sword: str) -> None:
        super().__init__(principal, None, command, (SpendLimit(),))
        self.sword = sword

    def needs(self, stage: Stage) -> Iterable[Need]:
        return [*super().needs(stage), (SWORDS, self.sword)]

    def decide(self, stage: Stage) -> Draft | Refusal:
        draft = super().decide(stage)
        if isinstance(draft, Draft):
            stage.put(SWORDS, self.sword, Sword(self.sword, stage.seq, "owned"))
        return draft


class UseSword(Act):
    """Break a sword: nobody takes it back any more."""

    verb = "smithy.use"
    __slots__ = ("sword",)

    def __init__(self, principal: str, sword: str) -> None:
        super().__init__(principal)
        self.sword = sword

    def needs(self, stage: Stage) -> Iterable[Need]:
        return [(SWORDS, self.sword)]

    def decide(self, stage: Stage) -> Draft | Refusal:
        known = stage.get(SWORDS, self.sword)
        if known is None or known.state != "owned":
            return Refusal(code="no_sword", detail="There is no such sword any more.")
        stage.put(SWORDS, self.sword, known._replace(state="broken"))
        return Draft(USED, facts({"sword": self.sword}))


class Blade(NamedTuple):
    """A sword as payments take it."""

    id: str
    spend: int

    def needs(self) -> Iterable[Need]:
        return ((SWORDS, self.id),)

    def take(self, stage: Stage) -> Mapping[str, object] | None:
        sword = stage.get(SWORDS, self.id)
        if sword is None or sword.state != "owned":
            return None
        stage.put(SWORDS, self.id, sword._replace(state="taken"))
        return {"sword": self.id}


class Smithy:
    """Says what spends bought; the newest sword is taken first."""

    async def bought(self, tx: Tx, player_id: str, spends: Sequence[SpentPart]) -> Sequence[Item]:
        rows = await tx.driver.fetch(BOUGHT_BY, [one.seq for one in spends])
        return [Blade(*row) for row in rows]
