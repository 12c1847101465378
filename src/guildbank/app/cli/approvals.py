"""Commands that decide, on the host itself, on what waits for a second person."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Literal

import typer

from guildbank.app.cli.screen import Data, fail, load, say, table, told
from guildbank.infra.config import Settings

app = typer.Typer(
    help="See and decide what waits for a second person, as whoever holds the host.",
    no_args_is_help=True,
)
Tenant = Annotated[str | None, typer.Option("--tenant", help="The slug of the tenant.")]
Deployment = Annotated[
    bool, typer.Option("--deployment", help="What waits at the deployment, in place of --tenant.")
]
ApprovalId = Annotated[str, typer.Argument(help="The approval's id, apr_...")]
State = Annotated[
    Literal["pending", "agreed", "executed", "rejected", "cancelled", "expired", "all"],
    typer.Option("--state", help="Only those in this state."),
]


@app.command("list")
def list_all(
    tenant: Tenant = None, deployment: Deployment = False, state: State = "pending",
    data: Data = None,
) -> None:  # fmt: skip
    """List what waits for a second person, newest first."""
    from guildbank.app import agreeing

    owner = _owner(tenant, deployment)
    with _database(load(data=data)) as settings:
        found = agreeing.list_all(settings, owner, None if state == "all" else state)
    rows = (
        (one.approval.id, one.approval.verb, one.approval.state, one.approval.requested_by,
         _amounts(one.approval.amounts), one.approval.requested_at.isoformat(timespec="seconds"))
        for one in found
    )  # fmt: skip
    table(("id", "verb", "state", "asked by", "amounts", "asked at"), rows)


@app.command()
def show(
    approval_id: ApprovalId, tenant: Tenant = None, deployment: Deployment = False,
    data: Data = None,
) -> None:  # fmt: skip
    """Show one request: what would be done, for whom, and why it waits."""
    import json

    from guildbank.app import agreeing

    owner = _owner(tenant, deployment)
    with _database(load(data=data)) as settings:
        found = agreeing.show(settings, owner, approval_id)
    one, rule = found.approval, found.approval.rule
    above = "always" if rule.above is None else f"above {rule.above} in 24 hours"
    table(
        ("", one.id),
        (
            ("verb", one.verb),
            ("state", one.state),
            ("asked by", one.requested_by),
            ("asked at", one.requested_at.isoformat(timespec="seconds")),
            ("expires at", one.expires_at.isoformat(timespec="seconds")),
            ("player", one.player),
            ("amounts", _amounts(one.amounts)),
            ("asks for a second person", f"{rule.asset or 'any'}, {above}"),
            ("command", json.dumps(dict(found.command), ensure_ascii=False, indent=1)),
            ("decided by", one.decided_by),
            ("note", found.words),
        ),
    )


@app.command()
def approve(
    approval_id: ApprovalId, tenant: Tenant = None, deployment: Deployment = False,
    note: Annotated[str | None, typer.Option("--note", help="Kept with the decision.")] = None,
    data: Data = None,
) -> None:  # fmt: skip
    """Agree as the second person, and do what was asked for. Read `show` first."""
    from guildbank.app import agreeing

    owner = _owner(tenant, deployment)
    with _database(load(data=data)) as settings:
        done = agreeing.approve(settings, owner, approval_id, note)
    say(f"{done.verb} of {done.requested_by} is {done.state}.")


@app.command()
def reject(
    approval_id: ApprovalId,
    reason: Annotated[str, typer.Option("--reason", help="Who asked reads it.")],
    tenant: Tenant = None, deployment: Deployment = False,
    data: Data = None,
) -> None:  # fmt: skip
    """Say no; nothing is done, and what was held comes back."""
    from guildbank.app import agreeing

    owner = _owner(tenant, deployment)
    with _database(load(data=data)) as settings:
        done = agreeing.reject(settings, owner, approval_id, reason)
    say(f"{done.verb} of {done.requested_by} is {done.state}.")


def _amounts(amounts: Mapping[str, int]) -> str:
    return ", ".join(f"{amount} {asset}" for asset, amount in sorted(amounts.items()))


def _owner(tenant: str | None, deployment: bool) -> str | None:
    """Return the tenant meant, None for the deployment."""
    if (tenant is None) != deployment:
        raise fail("Say where: --tenant with a slug, or --deployment.")
    return tenant


@contextmanager
def _database(settings: Settings) -> Iterator[Settings]:
    from guildbank.app.agreeing import NotDone
    from guildbank.app.local import Unreachable, local_database
    from guildbank.infra.crypto import KeyUnusable
    from guildbank.infra.postgres import ClusterError

    with told(ClusterError, KeyUnusable, NotDone, Unreachable), local_database(settings):
        yield settings
