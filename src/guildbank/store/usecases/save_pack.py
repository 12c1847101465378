"""Save a pack: a new one, or a new version of one. What was bought keeps its version."""

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Receipt, Stage, facts
from guildbank.kernel import Refusal, new_id, parse_id
from guildbank.ledger import ASSETS, money_asset
from guildbank.store.contracts import NO_PACK, Pack, PackDraft
from guildbank.store.rules import check_draft
from guildbank.store.store import PACKS
from guildbank.store.usecases import Store
from guildbank.wallets import CURRENCIES

PACK_SAVED = "store.pack_saved"
_SAVED = msgspec.json.Decoder(Pack)

UNKNOWN_CURRENCY = Refusal(
    code="unknown_currency",
    detail="There is no such currency in this tenant; create it first.",
    field="currency",
)


class SavePack(Act):
    """Adds a version; opens the moneys it is priced in."""

    verb = "store.save_pack"
    __slots__ = ("create", "draft", "pack_id")

    def __init__(
        self, principal: str, key: str | None, pack_id: str | None, draft: PackDraft
    ) -> None:
        super().__init__(principal, key, (pack_id, draft))
        self.create = pack_id is None
        self.pack_id = pack_id or new_id("pack")
        self.draft = draft

    def needs(self, stage: Stage) -> list[Need]:
        """Return the pack, its currency and its moneys."""
        moneys = {price.money for price in self.draft.prices}
        return [
            (PACKS, self.pack_id),
            (CURRENCIES, self.draft.currency),
            *((ASSETS, money) for money in sorted(moneys)),
        ]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Save it; refused: not_found, unknown_currency, invalid_value."""
        known = stage.get(PACKS, self.pack_id)
        if known is None and not self.create:
            return NO_PACK
        if stage.get(CURRENCIES, self.draft.currency) is None:
            return UNKNOWN_CURRENCY
        if (wrong := check_draft(self.draft)) is not None:
            return wrong
        pack = Pack(
            id=self.pack_id,
            version=known.version + 1 if known is not None else 1,
            saved_at=stage.now,
            **msgspec.structs.asdict(self.draft),
        )
        stage.put(PACKS, pack.id, pack)
        for money in sorted({price.money for price in pack.prices}):
            if stage.get(ASSETS, money) is None:
                stage.put(ASSETS, money, money_asset(money))
        return Draft(PACK_SAVED, facts(pack), before=known)


async def save_pack(
    store: Store,
    tenant: TenantRef,
    principal: str,
    draft: PackDraft,
    *,
    pack_id: str | None = None,
    key: str | None = None,
) -> Pack | Refusal:
    """Return the saved version; with `pack_id`, of that pack.

    Refusals: `not_found`, `unknown_currency`, `invalid_value`, `key_reused`, `tenant_suspended`.
    """
    if pack_id is not None and parse_id("pack", pack_id) is None:
        return NO_PACK
    act = SavePack(principal, key, pack_id, draft)
    receipt = await store.journal.submit(tenant.schema, act)
    return _SAVED.decode(receipt.data) if isinstance(receipt, Receipt) else receipt
