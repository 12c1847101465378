"""Nobody changes anything of a tenant without a record: generated from the table of routes."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest
from tests.attacks.estate import send, settle
from tests.attacks.table import OF_THE_DEPLOYMENT, Objects, Route
from tests.attacks.test_operators import browser
from tests.staff import Person, hired
from tests.studio import City, Studio, done

CHANGES_NOTHING = {
    "POST /v1/payments/quote",
    "POST /v1/hooks/{point}/test",
    "POST /v1/pipelines/{purpose}/check",
    "POST /v1/pipelines/{purpose}/dry-run",
    "POST /v1/pipelines/{purpose}/steps/{step}/check-field",
    "POST /v1/pipelines/{purpose}/steps/{step}/health",
    "POST /v1/pipelines/{purpose}/steps/{step}/options",
    "POST /v1/pipelines/{purpose}/steps/{step}/test",
    "POST /v1/providers/{provider_id}/check-field",
    "POST /v1/providers/{provider_id}/health",
    "POST /v1/providers/{provider_id}/options",
    "POST /v1/providers/{provider_id}/test",
}
"""A call that only tries something out."""

SAID_BEFORE = {
    "POST /v1/documents": {
        "kind": "privacy", "version": "1", "title": "Privacy", "url": "https://game.example/p",
    },
    "PUT /v1/providers/{provider_id}": {"settings": {"secret": "shh-quiet-2"}, "enabled": True},
}  # fmt: skip
"""Calls of the table that the estate has made already, with something new in them."""

TAKEN = {
    "POST /v1/holds/{hold_id}/release",
    "POST /v1/payments/{payment_id}/attempts",
    "POST /v1/pipelines/{purpose}/steps/{step}/test",
    "POST /v1/pipelines/{purpose}/steps/{step}/health",
    "POST /v1/players/{player_id}/clear-factors",
    "POST /v1/approvals/{approval_id}/approve",
    "POST /v1/approvals/{approval_id}/reject",
    "POST /v1/approvals/{approval_id}/cancel",
    "POST /v1/approvals/{approval_id}/key",
    "POST /v1/callbacks/{purpose}/{step}/enable",
    "POST /v1/callbacks/{purpose}/{step}/skip",
    "POST /v1/payments/{payment_id}/callbacks/{step}/replay",
    "POST /v1/payments/{payment_id}/confirmation",
    "POST /v1/refunds/{refund_id}/confirmation",
    "POST /v1/payouts/{payout_id}/approval",
    "POST /v1/payouts/{payout_id}/rejection",
    "POST /v1/payouts/{payout_id}/confirmation",
}
"""What these are for is not there: an earlier call has ended it, or the estate has none, such as
secrets of the step that is tried.

Captures and cancels stand for more than one; factors, approvals, callbacks, confirmations and
decisions on payouts are proved where such things are made.
"""

NOTHING_WAITS = {
    f"POST /v1/approvals/{{approval_id}}/{verb}" for verb in ("approve", "reject", "cancel", "key")
}
"""Nobody agrees with oneself; the tests of approvals say what decisions leave."""

ORDER = (
    "/payouts", "/{destination_id}", "suspend", "reinstate", "legal-holds/{hold_id}", "erase",
    "close", "/{operator_id}",
)  # fmt: skip
"""How the paths end that come last, for what they do lets other calls do nothing any more."""


@pytest.fixture(scope="module")
async def archive(city: City) -> AsyncIterator[Studio]:
    studio = await city.studio("archive")
    yield studio
    await studio.http.aclose()


@pytest.fixture(scope="module")
async def keeper(city: City, archive: Studio) -> AsyncIterator[Person]:
    async with await browser(city, archive) as http:
        yield await hired(city.services.identity, http, archive.ref, "owner", name="keeper")


@pytest.fixture(scope="module")
async def objects(city: City, archive: Studio, keeper: Person) -> Objects:
    """One of everything, with a role, an invitation and a colleague."""
    settled = await settle(archive)
    night = {"name": "night-shift", "permissions": ["players:read"]}
    done(await keeper.agreed.post("/v1/roles", json=night))
    body = {"address": "guest@staff.example", "roles": ["analyst"]}
    done(await keeper.agreed.post("/v1/operator-invitations", json=body))
    (invitation,) = done(await keeper.http.get("/v1/operator-invitations"))["items"]
    async with await browser(city, archive) as http:
        sam = await hired(city.services.identity, http, archive.ref, "support", name="samuel")
    return replace(settled, operator=sam.id, invitation=invitation["id"])


def place(route: Route) -> tuple[int, bool, bool]:
    """Return where a route comes in the order of calls."""
    ends = [number for number, end in enumerate(ORDER, 1) if route.path.endswith(end)]
    return max(ends, default=0), route.method == "DELETE", route.path.endswith("/attempts")


async def records(studio: Studio, principal: str) -> int:
    rows = await studio.sql("SELECT count(*) FROM journal_audit WHERE principal = $1", principal)
    return int(rows[0][0])


async def test_every_change_by_an_operator_is_recorded(
    archive: Studio,
    keeper: Person,
    objects: Objects,
    guarded: Sequence[Route],
    peopled: Sequence[Route],
) -> None:
    changing = [
        route
        for route in (*guarded, *peopled)
        if route.method != "GET" and not route.machines and route.scope != OF_THE_DEPLOYMENT
    ]
    changing.sort(key=place)
    assert len(changing) > 45
    silent, refused = [], {}
    for route in changing:
        before = await records(archive, keeper.id)
        if route.name in SAID_BEFORE:
            headers = {"idempotency-key": route.path}
            path, body = route.at(objects), SAID_BEFORE[route.name]
            answer = await keeper.http.request(route.method, path, json=body, headers=headers)
        else:
            # What is held for the player of the estate keeps that one from being erased.
            erases = route.path.endswith("/erase")
            about = replace(objects, player=objects.other) if erases else objects
            answer = await send(keeper.http, route, about)
        if answer.is_error:
            refused[route.name] = answer.text
        elif await records(archive, keeper.id) == before:
            silent.append(route.name)
    assert set(silent) == CHANGES_NOTHING - refused.keys(), silent
    assert set(refused) == TAKEN | NOTHING_WAITS, refused
