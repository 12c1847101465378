"""Read approvals as those who decide on them see them: with the command and what it became."""

from collections.abc import Mapping
from typing import Any

import msgspec

from guildbank.approvals import store
from guildbank.approvals.contracts import Approval, Policy, State
from guildbank.approvals.store import StoredPolicy
from guildbank.approvals.usecases import FourEyes, command_aad, schema_of, words_aad
from guildbank.approvals.usecases.end import find
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Entry, Receipt, entries_at
from guildbank.kernel import Refusal

AFTER_ALL = "~"
"""Sorts after every id."""


class Shown(msgspec.Struct, frozen=True):
    """An approval opened: the command, the words of the decision, and what it became."""

    approval: Approval
    command: Mapping[str, Any]
    words: str | None
    result: Receipt | None
    answer: Any


async def get_approval(
    four_eyes: FourEyes, tenant: TenantRef | None, approval_id: str
) -> Shown | Refusal:
    """Return one approval of the plane. Refusal: `not_found`."""
    found = await find(four_eyes, tenant, approval_id)
    return found if isinstance(found, Refusal) else (await show(four_eyes, tenant, [found]))[0]


async def list_approvals(
    four_eyes: FourEyes, tenant: TenantRef | None, before: str, state: State | None, limit: int
) -> list[Shown]:
    """Return approvals asked for before this one ("" for the newest), newest first."""
    async with four_eyes.db.begin(schema_of(tenant), read_only=True) as tx:
        found = await store.page(tx.driver, before or AFTER_ALL, state, limit)
    return await show(four_eyes, tenant, found)


async def show(four_eyes: FourEyes, tenant: TenantRef | None, found: list[Approval]) -> list[Shown]:
    """Open what is sealed of approvals, and read what they became."""
    sealer = await four_eyes.sealer(tenant)
    seqs = [one.result for one in found if one.result is not None]
    entries: dict[int, Entry] = {}
    if seqs:
        async with four_eyes.db.begin(schema_of(tenant), read_only=True) as tx:
            entries = await entries_at(tx.driver, seqs)
    shown = []
    for one in found:
        approvable = four_eyes.approvables.get(one.verb)
        command: Mapping[str, Any] = {}
        if approvable is not None:
            stored = approvable.decode(sealer.open(command_aad(one.id), one.command))
            sealed = approvable.sealed(stored)
            command = approvable.show(stored)
            if sealed is not None and tenant is not None:
                said = await four_eyes.persons.open(tenant, sealed)
                command = {**command, "said": None if said is None else msgspec.json.decode(said)}
        words = None if one.words is None else sealer.open(words_aad(one.id), one.words).decode()
        entry = None if one.result is None else entries.get(one.result)
        result = None
        if entry is not None:
            result = Receipt(entry.seq, entry.at, entry.kind, entry.principal, entry.data)
        answer = None
        if result is not None and approvable is not None and approvable.answer is not None:
            answer = msgspec.to_builtins(approvable.answer(result), str_keys=True)
        shown.append(Shown(one, command, words, result, answer))
    return shown


async def get_policy(four_eyes: FourEyes, tenant: TenantRef | None) -> StoredPolicy | Policy:
    """Return the policy of a plane, without who set it where nobody ever did."""
    async with four_eyes.db.begin(schema_of(tenant), read_only=True) as tx:
        return await store.policy_of(tx.driver) or Policy()
