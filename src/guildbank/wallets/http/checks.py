"""The route that shows what hooks said of an operation that they let pass."""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

from litestar import get
from litestar.params import PathParameter

from guildbank.infra.http import Service, View, Who, granted, scope
from guildbank.wallets.usecases import Wallets
from guildbank.wallets.usecases.read import get_checks

READ = "wallets:read"
TAGS: Sequence[str] = ["Wallets"]
TransactionPath = Annotated[str, PathParameter(description="The transaction's id.", max_length=40)]


class HookAnswerView(View):
    """What one hook said. `ignored` gave no answer, and may only annotate.

    `notes` are its annotations, `micros` how long it took for all operations that it was asked
    about together, in microseconds.
    """

    __example__: ClassVar = {
        "step": "ask-first",
        "plugin": "http_gate",
        "verdict": "passed",
        "code": None,
        "notes": {"ask-first.guild": "north"},
        "micros": 1800,
    }

    step: str
    plugin: str
    verdict: str
    code: str | None
    notes: Mapping[str, str]
    micros: int


class HookAnswersView(View):
    """What the hooks said of an operation, in their order; an empty list where none was asked.

    `pipeline` and `revision` say which hooks they were.
    """

    __example__: ClassVar = {
        "transactionId": "txn_01m7yqwf9ke00800000000003v",
        "pipeline": "spend",
        "revision": 3,
    }

    transaction_id: str
    pipeline: str | None
    revision: int | None
    checks: Sequence[HookAnswerView]


@get(
    "/v1/transactions/{transaction_id:str}/checks",
    guards=[scope(READ)],
    tags=TAGS,
    summary="Read what hooks said",
)
async def read_checks(
    wallets: Service[Wallets], caller: Who, transaction_id: TransactionPath
) -> HookAnswersView:
    """Return what the tenant's hooks said of a spend, hold, grant or posting that was done."""
    passed = granted(await get_checks(wallets, caller.home, transaction_id))
    if passed is None:
        return HookAnswersView(transaction_id, None, None, [])
    return HookAnswersView(
        transaction_id=transaction_id,
        pipeline=passed.verb,
        revision=passed.revision,
        checks=[
            HookAnswerView(one.step, one.plugin, one.verdict, one.code, one.notes, one.micros)
            for one in passed.read()
        ],
    )


ROUTES = (read_checks,)
