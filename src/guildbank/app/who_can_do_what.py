"""The page of permissions as text: each one, who has it, and what it opens, from the code."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from importlib.resources import files

from guildbank.app.document import described_app
from guildbank.app.rooms import BUILT_IN_ROLES, all_rooms, approvables_of, permissions_of
from guildbank.infra.http.caller import Scope
from guildbank.infra.http.openapi import operations
from guildbank.infra.http.shortcuts import guards_of


def who_can_do_what() -> str:
    """Return the page: a start written by hand, then a table for each plane. Needs no database."""
    start = (files("guildbank.app") / "who_can_do_what.txt").read_text(encoding="utf-8")
    permissions, opened = permissions_of(all_rooms()), _opened()
    return "\n".join(
        [
            start.rstrip("\n"),
            "",
            "## In a tenant",
            "",
            *_table(permissions.tenant, permissions.tenant_roles, opened),
            "",
            "## On the deployment",
            "",
            *_table(permissions.deployment, permissions.deployment_roles, opened),
            "",
            "## What can wait for a second person",
            "",
            *_approvable(),
            "",
        ]
    )


def _approvable() -> Iterable[str]:
    """Yield the table of verbs that a rule of the approval policy can name."""
    yield "| verb | does | permission | where | waits |"
    yield "|---|---|---|---|---|"
    for verb, one in approvables_of(all_rooms()).items():
        waits = "always" if one.always else "where a rule names it"
        by_amount = ", by amount" if one.measure is not None and not one.always else ""
        where = "tenant, deployment" if one.of == "both" else one.of
        yield f"| `{verb}` | {one.meaning} | `{one.permission}` | {where} | {waits}{by_amount} |"


def _opened() -> Mapping[str, list[str]]:
    """Return the calls that each permission opens."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for each in operations(described_app().routes):
        for guard in guards_of(each.handler):
            if isinstance(guard, Scope):
                star = " *" if guard.fresh else " (keys alone)" if guard.machines else ""
                found[guard.name].append(f"`{each.method} {each.path}`{star}")
    return found


def _table(
    known: Mapping[str, str],
    roles: Mapping[str, frozenset[str]],
    opened: Mapping[str, list[str]],
) -> Iterable[str]:
    yield "| permission | lets | roles | opens |"
    yield "|---|---|---|---|"
    for name, meaning in known.items():
        held = ", ".join(role for role in BUILT_IN_ROLES if name in roles.get(role, ()))
        yield f"| `{name}` | {meaning} | {held} | {'<br>'.join(opened[name])} |"
