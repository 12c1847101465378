"""Lends tests HTTP apps that tests before them built: that takes longer than most tests do.

An app keeps nothing of whom it served: it is told anew who authenticates and which services its
routes get.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from litestar import Litestar

from guildbank.app.rooms import all_rooms, codes_of
from guildbank.infra.config import Settings
from guildbank.infra.http.app import build_app
from guildbank.infra.http.caller import AUTHENTICATE, FIND_HOME, Authenticate, FindHome
from guildbank.infra.room import Room

Kind = tuple[tuple[str, ...], tuple[str, ...]]
Loan = tuple[Kind, Litestar, dict[str, object]]
_free: dict[Kind, list[Loan]] = {}
_lent: list[Loan] = []


@contextmanager
def lending() -> Iterator[None]:
    """A test, whose apps nobody needs afterwards. Those of fixtures that outlive it are lent
    before, and stay.
    """
    _lent.clear()
    yield
    for loan in _lent:
        _free.setdefault(loan[0], []).append(loan)
    _lent.clear()


def on_loan(app: Litestar) -> bool:
    """Say whether the running test, or a fixture that outlives it, has the app."""
    return any(app is lent for _, lent, _ in _lent)


def lend_app(
    rooms: Sequence[Room],
    authenticate: Authenticate,
    services: Mapping[str, object],
    find_home: FindHome | None = None,
) -> Litestar:
    """Return an app with the routes of these rooms, without limits of requests."""
    kind = tuple(room.name for room in rooms), tuple(sorted(services))
    free = _free.get(kind)
    _, app, given = loan = free.pop() if free else _build(kind, rooms, services, authenticate)
    _lent.append(loan)
    given.update(services)
    app.state[AUTHENTICATE], app.state[FIND_HOME] = authenticate, find_home
    return app


def _build(
    kind: Kind,
    rooms: Sequence[Room],
    services: Mapping[str, object],
    authenticate: Authenticate,
) -> Loan:
    given = dict(services)
    app = build_app(
        routes=[route for room in rooms for route in room.routes],
        codes=codes_of(all_rooms()),
        authenticate=authenticate,
        services=given,
        settings=Settings(),
    )
    return kind, app, given
