"""Run operations on wallets: one of them, each of many, or all of many in one commit."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

from guildbank.approvals import gate
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Outcome, Receipt, Sealed, Unavailable, recall
from guildbank.kernel import Refusal, parse_id, parse_seq_id
from guildbank.wallets.checks import Passed
from guildbank.wallets.contracts import (
    CaptureHold,
    Freeze,
    Grant,
    PlaceHold,
    Post,
    ReleaseHold,
    Reverse,
    SetLimit,
    Spend,
)
from guildbank.wallets.usecases import Wallets
from guildbank.wallets.usecases.grant import GrantAct
from guildbank.wallets.usecases.hold import UNKNOWN_HOLD, CaptureAct, PlaceHoldAct, ReleaseAct
from guildbank.wallets.usecases.pass_hooks import Asked, PassedAct, pass_hooks
from guildbank.wallets.usecases.post import PostAct
from guildbank.wallets.usecases.reverse import UNKNOWN_TRANSACTION, ReverseAct
from guildbank.wallets.usecases.rule import NO_PLAYER, FreezeAct, SetLimitAct
from guildbank.wallets.usecases.spend import SpendAct

Operation: TypeAlias = Grant | Spend | PlaceHold | CaptureHold | ReleaseHold | Reverse | Post
Rule: TypeAlias = Freeze | SetLimit
Payable = TypeVar("Payable", Grant, Spend, PlaceHold, Reverse, Post, Freeze)


Approved = TypeVar("Approved", bound=Operation)
_APPROVABLE = (Grant, Spend, Reverse, Post)


class Stored(msgspec.Struct, Generic[Approved], frozen=True, omit_defaults=True):
    """An operation as it waits for a second person, with the facts that are sealed beside it.

    `passed` is what hooks said when it was asked for: they are asked once, and not again.
    """

    operation: Approved
    sealed: Sealed | None = None
    passed: Passed | None = None


class Request(msgspec.Struct, frozen=True):
    """An operation with its idempotency key, and free-form facts to be sealed beside it.

    `person` is the player whose key seals the facts, where the operation itself names none.
    """

    operation: Operation | Rule
    key: str | None
    payload: dict[str, str] | None = None
    person: str | None = None


async def operate(
    wallets: Wallets, tenant: TenantRef, principal: str, request: Request
) -> Receipt | Refusal:
    """Run one operation, or store it for a second person; refusals are those of its act.

    Raises Unavailable when the journal cannot answer.
    """
    act = await _make(wallets, tenant, principal, request)
    if isinstance(act, Refusal):
        return act
    passed: Passed | None = None
    if (
        wallets.pipelines is not None
        and (hooks := wallets.pipelines.hooked.of(tenant.schema)) is not None
    ):
        asked = [_asked(principal, request, act)]
        (said,) = await pass_hooks(wallets.pipelines, tenant, hooks, asked)
        if isinstance(said, Refusal):
            return said
        passed = said
    finished = await _finish(wallets, tenant, request, act, passed, alone=True)
    return await wallets.journal.submit(tenant.schema, finished)


async def operate_each(
    wallets: Wallets, tenant: TenantRef, principal: str, requests: Sequence[Request]
) -> AsyncIterator[list[Outcome | Exception]]:
    """Run many operations, each on its own; yields the outcomes of each batch, in order.

    A batch's requests are prepared when its turn comes: the loop's other callers must not wait
    for thousands of hashes at once. Once the journal is Unavailable, so is the rest.
    """
    done = 0
    while done < len(requests):
        chunk = requests[done : done + wallets.journal.chunk(tenant.schema)]
        try:
            prepared = await _prepare_each(wallets, tenant, principal, chunk)
        except Unavailable as unasked:
            yield [unasked] * (len(requests) - done)
            return
        acts = [act for act in prepared if isinstance(act, Act)]
        answers = iter(await wallets.journal.submit_each(tenant.schema, acts))
        outcomes = [act if isinstance(act, Refusal) else next(answers) for act in prepared]
        yield outcomes
        done += len(chunk)
        away = next((one for one in outcomes if isinstance(one, Unavailable)), None)
        if away is not None:
            yield [away] * (len(requests) - done)
            return


class Stopped(msgspec.Struct, frozen=True):
    """A batch that did not happen: the operation at fault, by its place, and why."""

    at: int
    refusal: Refusal


async def operate_all(
    wallets: Wallets, tenant: TenantRef, principal: str, requests: Sequence[Request]
) -> Sequence[Receipt] | Stopped:
    """Run many operations in one commit or none, stopped by the first refusal."""
    acts: list[Act] = []
    prepared = await _prepare_each(wallets, tenant, principal, requests, together=True)
    for number, act in enumerate(prepared):
        if isinstance(act, Refusal):
            return Stopped(number, act)
        acts.append(act)
    receipts: list[Receipt] = []
    for outcome in await wallets.journal.submit_all(tenant.schema, acts):
        if isinstance(outcome, Refusal):
            return Stopped(len(receipts), outcome)
        receipts.append(outcome)
    return receipts


async def prepare(
    wallets: Wallets,
    tenant: TenantRef,
    principal: str,
    request: Request,
    *,
    alone: bool = True,
) -> Act | Refusal:
    """Return the act of a request that hooks have no say in, its payload sealed.

    Where a second person must agree, one that comes `alone` is stored, another is refused.
    """
    act = await _make(wallets, tenant, principal, request)
    if isinstance(act, Refusal):
        return act
    return await _finish(wallets, tenant, request, act, None, alone=alone)


async def _prepare_each(
    wallets: Wallets,
    tenant: TenantRef,
    principal: str,
    requests: Sequence[Request],
    *,
    together: bool = False,
) -> list[Act | Refusal]:
    """Return the acts of a chunk, in order, once hooks were asked about all of them.

    Of those that stand or fall `together` nobody is asked where one is refused already.
    """
    made = [await _make(wallets, tenant, principal, request) for request in requests]
    if together and any(isinstance(act, Refusal) for act in made):
        return made
    said: list[Passed | Refusal | None] = [None] * len(made)
    if (
        wallets.pipelines is not None
        and (hooks := wallets.pipelines.hooked.of(tenant.schema)) is not None
    ):
        acts = [(n, act) for n, act in enumerate(made) if isinstance(act, Act)]
        asked = [_asked(principal, requests[n], act) for n, act in acts]
        answers = await pass_hooks(wallets.pipelines, tenant, hooks, asked)
        for (n, _), one in zip(acts, answers, strict=True):
            said[n] = one
    finished: list[Act | Refusal] = []
    for request, act, passed in zip(requests, made, said, strict=True):
        if isinstance(act, Refusal):
            finished.append(act)
        elif isinstance(passed, Refusal):
            finished.append(passed)
        else:
            finished.append(await _finish(wallets, tenant, request, act, passed, alone=False))
    return finished


def _asked(principal: str, request: Request, act: Act) -> Asked:
    return Asked(principal, request.operation, request.key, request.payload or {}, act)


async def _finish(
    wallets: Wallets,
    tenant: TenantRef,
    request: Request,
    act: Act,
    passed: Passed | None,
    *,
    alone: bool,
) -> Act:
    """Return the act to submit: with what hooks said, and a second person where one must agree."""
    checked = act if passed is None else PassedAct(act, passed)
    if not isinstance(request.operation, _APPROVABLE):
        return checked
    stored = Stored(request.operation, getattr(act, "payload", None), passed)
    return await gate(wallets.four_eyes, tenant, checked, act.verb, stored, alone=alone)


async def _make(
    wallets: Wallets, tenant: TenantRef, principal: str, request: Request
) -> Act | Refusal:
    """Return the act of a request, its payload sealed."""
    sealed: Sealed | None = None
    if request.payload:
        person = request.person or getattr(request.operation, "player_id", None)
        if person is None or parse_id("player", person) is None:
            return NO_PLAYER
        payload = msgspec.json.encode(request.payload, order="sorted")
        found = await wallets.persons.seal(tenant, person, payload)
        if isinstance(found, Refusal):
            known = await _sealed_before(wallets, tenant, principal, request, person)
            return found if known is None else make_act(wallets, principal, request, known)
        sealed = found
    return make_act(wallets, principal, request, sealed)


async def _sealed_before(
    wallets: Wallets, tenant: TenantRef, principal: str, request: Request, person: str
) -> Sealed | None:
    """Return the payload as the entry names it that a request with this key made, if one did.

    Whose key was destroyed, of them nothing can be sealed to compare; the rest of the command is.
    """
    act = make_act(wallets, principal, request, None)
    found = None if isinstance(act, Refusal) else await recall(wallets.db, tenant.schema, act)
    if found is None:
        return None
    hash_ = msgspec.json.decode(found.data, type=dict[str, Any]).get("payload")
    return None if hash_ is None else Sealed(person=person, hash=hash_, ciphertext=b"")


def make_act(
    wallets: Wallets, principal: str, request: Request, sealed: Sealed | None
) -> Act | Refusal:
    """Return the act of a request whose payload is sealed."""
    key, operation = request.key, request.operation
    match operation:
        case Spend():
            return SpendAct(principal, key, _sealed(operation, sealed), wallets.gates, sealed)
        case Grant():
            return GrantAct(principal, key, _sealed(operation, sealed), sealed)
        case PlaceHold():
            return PlaceHoldAct(principal, key, _sealed(operation, sealed), wallets.gates, sealed)
        case CaptureHold(hold_id, amount):
            at = parse_seq_id("hold", hold_id)
            return CaptureAct(principal, key, operation, at, amount) if at else UNKNOWN_HOLD
        case ReleaseHold(hold_id):
            at = parse_seq_id("hold", hold_id)
            return ReleaseAct(principal, key, operation, at) if at else UNKNOWN_HOLD
        case Reverse():
            at = parse_seq_id("txn", operation.transaction_id)
            if at is None:
                return UNKNOWN_TRANSACTION
            return ReverseAct(principal, key, _sealed(operation, sealed), at, sealed)
        case Post():
            return PostAct(principal, key, _sealed(operation, sealed), wallets.gates, sealed)
        case Freeze():
            reason = (request.payload or {}).get("reason", "")
            return FreezeAct(principal, key, _sealed(operation, sealed), reason, sealed)
        case SetLimit():
            return SetLimitAct(principal, key, operation)


def _sealed(operation: Payable, sealed: Sealed | None) -> Payable:
    """Put the payload's salted hash into the command, so that the fingerprint covers it."""
    if sealed is None:
        return operation
    return msgspec.structs.replace(operation, payload=sealed.hash)
