"""Three questions that machines ask: is the process alive, can it serve, what does it count."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, TypeAlias

import structlog
from litestar import Response, get
from litestar.types import ControllerRouterHandler

from guildbank.infra.http.problems import Problem
from guildbank.infra.http.schema import View
from guildbank.infra.metrics import CONTENT_TYPE, Metrics
from guildbank.kernel import Refusal

log = structlog.get_logger("guildbank.health")
CHECK_SECONDS = 3.0
ReadyCheck: TypeAlias = Callable[[], Awaitable[None]]
"""Returns when a part works and raises when it does not."""


class Health(View):
    """The process runs and answers."""

    status: Literal["ok"]


class Readiness(View):
    """Each part that a request needs, and whether it answered."""

    status: Literal["ready"]
    checks: dict[str, str]


def health_routes(
    checks: Mapping[str, ReadyCheck], metrics: Metrics
) -> list[ControllerRouterHandler]:
    """Return `/healthz`, `/readyz` and `/metrics`; all public, none names a tenant."""
    public = {"public": True}

    @get("/healthz", tags=["Operations"], opt=public, summary="Is the process alive?")
    async def healthz() -> Health:
        return Health(status="ok")

    @get("/readyz", tags=["Operations"], opt=public, summary="Can it serve requests?")
    async def readyz() -> Readiness:
        found = await asyncio.gather(*(_outcome(name, run) for name, run in checks.items()))
        states = dict(zip(checks, found, strict=True))
        failed = [name for name, state in states.items() if state != "ok"]
        if failed:
            detail = f"Not answering: {', '.join(failed)}."
            raise Problem(Refusal(code="not_ready", detail=detail, extra=dict(states)))
        return Readiness(status="ready", checks=states)

    @get(
        "/metrics",
        tags=["Operations"],
        opt=public,
        summary="Counters in Prometheus' text format.",
        media_type="text/plain",
    )
    async def metrics_page() -> Response[bytes]:
        return Response(await metrics.fresh_page(), media_type=CONTENT_TYPE)

    return [healthz, readyz, metrics_page]


async def _outcome(name: str, run: ReadyCheck) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await run()
    except Exception as error:
        log.warning("not_ready", check=name, cause=type(error).__name__)
        return "failed"
    return "ok"
