"""Tell what happened to a payment, from its first check to its last callback, in order."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Driver, Entry, entries_at
from guildbank.kernel import Refusal, parse_id, seq_id
from guildbank.payments import past, store
from guildbank.payments.contracts.refusals import NO_PAYMENT
from guildbank.payments.contracts.rows import AFTER_CREDIT
from guildbank.payments.outbox import AFTER
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.exchanges import Kept, read_requests_to_provider
from guildbank.payments.usecases.told_words import Words, open_words
from guildbank.pipelines import Answer

_CHECKS = msgspec.json.Decoder(tuple[Answer, ...])


class Moment(NamedTuple):
    """Something that happened. `by` is who did it, as the journal knows them.

    `rank` puts what bears one time into the order in which it can have happened.
    """

    at: datetime
    rank: int
    kind: str
    by: str | None
    facts: Mapping[str, Any]


async def read_timeline(
    payments: Payments, tenant: TenantRef, payment_id: str
) -> list[Moment] | Refusal:
    """Return all that is known to have happened, the oldest first. Refuses `not_found`.

    Entries of the journal are here within a second or so of their commit, requests to the provider
    within a quarter of one, as long as exchanges are kept; the rest at once.
    """
    if parse_id("pay", payment_id) is None:
        return NO_PAYMENT
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        intent = await store.intent_by_id(tx.driver, payment_id)
        if intent is None:
            return NO_PAYMENT
        found = [
            *await _entries(tx.driver, payment_id),
            *_checks(await past.checks_of(tx.driver, payment_id)),
            *_webhooks(await past.webhooks_of(tx.driver, payment_id)),
            *_looks(await past.looks_of(tx.driver, payment_id)),
        ]
        tellings = await past.tellings_of(tx.driver, payment_id)
    said = await open_words(payments, tenant, [(payment_id, one.sealed) for one in tellings])
    found += _tellings(tellings, said)
    asked = await read_requests_to_provider(payments, tenant, payment_id, intent.player_id)
    found += _requests(asked)
    return sorted(found, key=lambda moment: moment[:2])


async def _entries(driver: Driver, payment_id: str) -> list[Moment]:
    entries = await entries_at(driver, await past.entries_of(driver, payment_id))
    return [moment_of(one) for one in entries.values()]


def moment_of(entry: Entry) -> Moment:
    """Return an entry of the journal as something that happened."""
    said: dict[str, Any] = msgspec.json.decode(entry.data)
    transaction = seq_id("txn", entry.seq, entry.at)
    return Moment(entry.at, 1, entry.kind, entry.principal, {**said, "transactionId": transaction})


def _checks(rows: Sequence[past.CheckRow]) -> Iterator[Moment]:
    for row in rows:
        number = row.number if row.number > 0 else None
        credited = row.number == AFTER_CREDIT
        yield from said_by_checks(row.at, number, _CHECKS.decode(row.answers), credited=credited)


def said_by_checks(
    at: datetime, attempt: int | None, answers: Sequence[Answer], *, credited: bool = False
) -> Iterator[Moment]:
    """Yield what checks or hooks said, each as something that happened; `credited` are those after
    the credit.
    """
    for answer in answers:
        facts: dict[str, Any] = {
            "step": answer.step, "plugin": answer.plugin, "slot": answer.slot,
            "attempt": attempt, "microseconds": answer.micros,
        }  # fmt: skip
        if credited:
            facts["slot"] = "after"
        if answer.code is not None:
            facts["code"] = answer.code
        if answer.points is not None:
            facts["points"] = answer.points
            facts["reasons"] = [msgspec.to_builtins(one) for one in answer.reasons]
        if answer.notes:
            facts["notes"] = dict(answer.notes)
        yield Moment(at, 0, f"check.{answer.verdict}", None, facts)


def _requests(rows: Sequence[Kept]) -> Iterator[Moment]:
    """Yield the requests to a provider, without their fields: who shows those says who reads."""
    for row in rows:
        one = row.exchange
        facts = {
            "provider": one.of, "method": one.method, "status": one.status,
            "requestId": one.request_id, "problem": one.problem, "microseconds": one.micros,
        }  # fmt: skip
        yield Moment(row.at, 2, "provider.called", None, facts)


def _webhooks(rows: Sequence[past.WebhookRow]) -> Iterator[Moment]:
    for row in rows:
        facts = {
            "provider": row.provider, "event": row.external_id, "about": row.kind,
            "tries": row.tries, "problem": row.problem,
        }  # fmt: skip
        yield Moment(row.received_at, 2, "webhook.received", f"provider:{row.provider}", facts)


def _looks(rows: Sequence[past.LookRow]) -> Iterator[Moment]:
    for row in rows:
        facts = {"subject": row.id, "looks": row.looks, "next": row.next_at}
        yield Moment(row.looked_at, 3, "provider.asked", None, facts)


def _tellings(rows: Sequence[past.TellingRow], said: Sequence[Words]) -> Iterator[Moment]:
    for row, words in zip(rows, said, strict=True):
        if row.step.startswith(AFTER):
            # What it said stands among the checks.
            continue
        event = seq_id("evt", row.seq, row.at)
        facts = {"step": row.step, "event": event, "about": row.kind, "tries": row.tries}
        if row.told_at is not None and row.problem is not None:
            given_up = {**facts, "problem": words.problem or row.problem}
            yield Moment(row.told_at, 4, "callback.given_up", None, given_up)
        elif row.told_at is not None:
            answered = {**facts, "answer": words.answer or row.answer}
            yield Moment(row.told_at, 4, "callback.told", None, answered)
        else:
            waits = {**facts, "next": row.next_at, "problem": words.problem or row.problem}
            yield Moment(row.at, 4, "callback.waits", None, waits)
