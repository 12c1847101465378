"""Turns what a check found, or what broke it, into a report that holds no secret."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from guildbank.plugin_api.conformance.contracts import Check, DoesNotApply, NotRun, Verdict
from guildbank.plugin_api.conformance.identity.stage import Fault
from guildbank.plugin_api.conformance.manifest_checks import Declared
from guildbank.plugin_api.conformance.witness import scrub, secrets_in

StageT = TypeVar("StageT", bound=Declared)


async def judge(check: Callable[[StageT], Awaitable[Verdict]], stage: StageT) -> Check:
    """Run one check; whatever it raises is a failure that says so."""
    name = getattr(check, "__name__", repr(check))
    try:
        verdict = await check(stage)
    except Fault as fault:
        verdict = str(fault)
    except Exception as error:
        verdict = f"raised {type(error).__name__}: {error}"
    if isinstance(verdict, NotRun):
        applies = not isinstance(verdict, DoesNotApply)
        return Check(name=name, passed=False, ran=False, applies=applies, detail=verdict.reason)
    secrets = secrets_in(stage.manifest, stage.settings)
    return Check(name=name, passed=verdict is None, detail=scrub(verdict or "", secrets))
