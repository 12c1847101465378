"""Operations as the record of dry runs: the room of pipelines asks for it by its port."""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

import msgspec

from guildbank.infra.crypto import DataKey
from guildbank.infra.tenant import TenantRef
from guildbank.journal import WithPayload, newest_entries
from guildbank.kernel import seq_id
from guildbank.pipelines import RecordedMove
from guildbank.plugin_api import MoveVerb, MoveView
from guildbank.wallets.checks import checks_of_all
from guildbank.wallets.contracts import DEBT, MovedFacts, PostedFacts, PostLeg
from guildbank.wallets.usecases import Wallets
from guildbank.wallets.usecases.hold import HELD
from guildbank.wallets.usecases.pass_hooks import transfer_view
from guildbank.wallets.usecases.post import POSTED
from guildbank.wallets.usecases.told import TOLD

NO_REFERENCE = "the Idempotency-Key is not in the record: hooks saw an empty reference"
NO_METADATA = "the metadata was erased with its player: hooks saw none"
_MOVED = msgspec.json.Decoder(MovedFacts)
_POSTED = msgspec.json.Decoder(PostedFacts)
_METADATA = dict[str, str]


class WalletRecord:
    """`guildbank.pipelines.MoveRecord` over the entries of wallets."""

    verbs: ClassVar[Sequence[MoveVerb]] = ("spend", "grant", "transfer")

    def __init__(self, wallets: Wallets) -> None:
        self._wallets = wallets

    async def moves(self, tenant: TenantRef, verb: MoveVerb, limit: int) -> Sequence[RecordedMove]:
        """Return the newest operations of a verb, the newest first."""
        kinds = [kind for kind, (of, _) in TOLD.items() if of == verb]
        async with self._wallets.db.begin(tenant.schema, read_only=True) as tx:
            found = await newest_entries(tx.driver, kinds, limit)
            checks = await checks_of_all(tx.driver, [one.entry.seq for one in found])
        persons = {one.person for one in found if one.person is not None}
        keys = await self._wallets.persons.keys_of(tenant, persons) if persons else {}
        return [
            RecordedMove(
                id=seq_id("txn", one.entry.seq, one.entry.at),
                view=view,
                at=one.entry.at,
                answers=() if passed is None else tuple(passed.read()),
                revision=None if passed is None else passed.revision,
                missing=missing,
            )
            for one, view, missing in self._views(verb, found, keys)
            for passed in (checks.get(one.entry.seq),)
        ]

    def _views(
        self, verb: MoveVerb, found: Iterable[WithPayload], keys: Mapping[str, DataKey]
    ) -> Iterable[tuple[WithPayload, MoveView, tuple[str, ...]]]:
        for one in found:
            hash_, view = _view(verb, one)
            if hash_ is None:
                yield one, view, (NO_REFERENCE,)
            elif one.person is None or one.sealed is None or one.person not in keys:
                yield one, view, (NO_REFERENCE, NO_METADATA)
            else:
                opened = self._wallets.persons.opened(
                    keys[one.person], one.person, one.sealed, hash_
                )
                metadata = msgspec.convert(opened, _METADATA)
                yield one, msgspec.structs.replace(view, metadata=metadata), (NO_REFERENCE,)


def _view(verb: MoveVerb, one: WithPayload) -> tuple[str | None, MoveView]:
    """Return the hash of an entry's metadata, and the operation without them."""
    entry = one.entry
    if entry.kind == POSTED:
        posted = _POSTED.decode(entry.data)
        # What repaid a debt was no leg that anybody asked for.
        legs = tuple(
            PostLeg(each.debit, each.credit, each.amount)
            for each in posted.transfers
            if DEBT not in (each.debit.bucket, each.credit.bucket)
        )
        return posted.payload, transfer_view(entry.principal, legs, "", {})
    moved = _MOVED.decode(entry.data)
    view = MoveView(
        verb=verb,
        by=entry.principal,
        players=(moved.player,),
        amounts={moved.currency: moved.amount},
        currency=moved.currency,
        amount_minor=moved.amount,
        held=entry.kind == HELD,
    )
    return moved.payload, view
