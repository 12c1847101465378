"""What a worker can be asked to do, in words that also reach a worker in another process.

Nothing of a deed belongs to the process that asks: it names a function, and what it is called with.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, TypeVar, get_args

from tests.faults.matrix.hall import Letter
from tests.payments.shop import Ahead

from guildbank.kernel import Refusal
from guildbank.payments import Payments
from guildbank.payments.usecases.receive_webhook import receive_webhook

if TYPE_CHECKING:
    from tests.faults.matrix.worker import Worker

T = TypeVar("T")
Role = Literal["request", "webhook", "job"]
"""Whose work it is: of the processes that answer, or of those that run jobs."""
ROLES: tuple[Role, ...] = get_args(Role)


class Deed(NamedTuple, Generic[T]):
    """A function of a worker, with all else that it is called with."""

    role: Role
    do: Callable[..., Awaitable[T]]
    given: tuple[Any, ...]
    named: Mapping[str, Any]

    async def begin(self, worker: "Worker") -> T:
        """Let the worker do it."""
        return await self.do(worker, *self.given, **self.named)


def asked(use_case: Callable[..., Awaitable[T]], *given: Any, **named: Any) -> Deed[T]:
    """Return the request of a caller who wants a use case of payments done."""
    return Deed("request", _use, (use_case, *given), named)


def turned(job: Callable[..., Awaitable[T]], *given: Any) -> Deed[T]:
    """Return one turn of a job."""
    return Deed("job", _use, (job, *given), {})


def heard(letter: Letter) -> Deed[bool | Refusal]:
    """Return a webhook that is handed over."""
    return Deed("webhook", _receive, (letter,), {})


async def _use(
    worker: "Worker", use_case: Callable[..., Awaitable[T]], *given: Any, **named: Any
) -> T:
    return await use_case(worker.payments, *given, **named)


async def _receive(worker: "Worker", letter: Letter) -> bool | Refusal:
    await worker.passes("before heard")
    taken = await receive(worker.payments, letter)
    if taken is True:
        await worker.passes("after heard")
    return taken


async def receive(payments: Payments, letter: Letter) -> bool | Refusal:
    """Take a webhook, by the time at which it was sent: what was signed is as old here as there."""
    clock = payments.clock
    assert isinstance(clock, Ahead)
    ahead, clock.by = clock.by, timedelta()
    try:
        return await receive_webhook(
            payments, letter.tenant, letter.provider, letter.headers, letter.body
        )
    finally:
        clock.by = ahead
