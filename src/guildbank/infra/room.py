"""What a room publishes to the app, which collects it: no central list names every product."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from litestar.types import ControllerRouterHandler

from guildbank.infra.http.problems import Code


@dataclass(frozen=True)
class Job:
    """Background work that a worker runs every `every_seconds`, once in the whole deployment.

    `run` gets the app's services (the wiring's own type, which lower rooms see by protocol).
    """

    name: str
    every_seconds: int
    run: Callable[[Any], Awaitable[None]]


@dataclass(frozen=True)
class Backlog:
    """Something that waits in each tenant's schema: a gauge of the operator's page.

    `statement` selects what waits, by an index that holds little else. It is counted.
    """

    name: str
    meaning: str
    statement: str


@dataclass(frozen=True)
class Figure:
    """A figure of each tenant's schema: a gauge of the operator's page, over all tenants.

    `statement` selects rows of a label and a whole number; `combine` says what the number of all
    tenants is. `label` names the label, of which there must be few values; without it is one
    row, whose label is empty. No tenant is named: the page is public.
    """

    name: str
    meaning: str
    statement: str
    combine: Literal["sum", "min", "max"]
    label: str | None = None


@dataclass(frozen=True)
class MailTemplate:
    """A mail that a room sends, such as `identity.confirm_email` with the values of its texts.

    The texts are files of the room, `<room>/mails/confirm_email.en.txt` and `.ru.txt`, in the form
    that the notify room's README describes. The value of a name that ends in `link` is a path.
    """

    name: str
    values: Sequence[str] = ()


@dataclass(frozen=True)
class Personal:
    """A table of a tenant that knows of persons: what it tells them, and how it forgets them.

    In the statements `$1` is the player's id or, where the table is `by` address, the keyed hashes
    of the player's addresses as `bytea[]`. `known` selects what an export shows; a column of bytes
    holds what is sealed under the person's key and is shown opened. `known_to_staff` takes its
    place in exports that the tenant's people ask for, where the person is not told all. `erase` are
    run in order once the player is erased, again after a crash. `kept` says of a table without them
    why its rows may stay.
    """

    table: str
    known: str | None = None
    erase: Sequence[str] = ()
    kept: str = ""
    known_to_staff: str | None = None
    by: Literal["player", "address"] = "player"


@dataclass(frozen=True)
class Obstacle:
    """Something under way for which a person cannot be erased yet.

    `statement` selects the ids of players that it stands for, among those in `$1::text[]`; it is
    asked under the journal's lock. Only the tenant's people hear of one that is not `told`: the
    person's own request then waits without a word of it.
    """

    name: str
    meaning: str
    statement: str
    told: bool = True


@dataclass(frozen=True)
class HouseBalance:
    """What must lie in the house's accounts named `bucket`, by rows of a room: the proof compares.

    `statement` selects assets and whole numbers; of assets that it leaves out nothing may lie
    there. `meaning` names the rows in a sentence: "`meaning` say that 5 lie there".
    """

    bucket: str
    meaning: str
    statement: str


@dataclass(frozen=True)
class PluginUse:
    """Where a tenant uses a plugin: `statement` selects a word for each place that uses `$1`."""

    meaning: str
    statement: str


PluginLimit = Callable[[Any, Any, Sequence[Any]], Awaitable[Sequence[str]]]
"""Says in sentences what of a tenant no version of these manifests, newest first, could read.

It gets the app's services, the tenant, and the manifests of one plugin; of none there is nothing.
"""


@dataclass(frozen=True)
class Room:
    """One room's public parts: HTTP routes, scopes with their meaning, jobs, problem codes.

    `permissions` are what people may be permitted and keys may not; scopes are both. `held_by` says
    which built-in roles of a tenant have one, besides `owner` and `admin`, who have all;
    `of_deployment` names those that people who run the deployment may have. `events` lists the
    kinds of journal entries that the room writes, with their meaning. `backlogs` are what an
    operator wants counted, `gauges` what is to be measured, `mails` what the room writes to people.
    `subscribers` makes the room's readers of the journal from the app's services. `personal` are
    the tables that know of persons, `obstacles` what their erasure waits for. `approvables` are the
    verbs that can wait for a second person, each an `approvals.Approvable`. `purposes` are what the
    room's payments may be for, each with a pipeline of its own; so has each of its `verbs`, the
    operations on coins that hooks are asked about. `plugin_uses` say what keeps an installed plugin
    from being removed, `plugin_limits` what keeps its versions from being replaced. `balances` are
    what the room's rows say of accounts of the house, which the proof holds against the ledger.
    """

    name: str
    routes: Sequence[ControllerRouterHandler] = ()
    scopes: Mapping[str, str] = field(default_factory=dict)
    permissions: Mapping[str, str] = field(default_factory=dict)
    held_by: Mapping[str, Sequence[str]] = field(default_factory=dict)
    of_deployment: Sequence[str] = ()
    events: Mapping[str, str] = field(default_factory=dict)
    jobs: Sequence[Job] = ()
    codes: Sequence[Code] = ()
    backlogs: Sequence[Backlog] = ()
    gauges: Sequence[Figure] = ()
    mails: Sequence[MailTemplate] = ()
    personal: Sequence[Personal] = ()
    approvables: Sequence[Any] = ()
    obstacles: Sequence[Obstacle] = ()
    purposes: Mapping[str, str] = field(default_factory=dict)
    verbs: Mapping[str, str] = field(default_factory=dict)
    plugin_uses: Sequence[PluginUse] = ()
    plugin_limits: Sequence[PluginLimit] = ()
    balances: Sequence[HouseBalance] = ()
    subscribers: Callable[[Any], Sequence[Any]] = lambda _services: ()
