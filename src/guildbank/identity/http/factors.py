"""Routes by which a player sees and changes the second factors of the account."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from litestar import delete, get, post
from msgspec import Meta

from guildbank.identity.contracts.factors import FactorKind
from guildbank.identity.http.proofs import CodeText, EnrolmentView, RecoveryCodesView
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.factors.enrol_totp import begin_totp, confirm_totp
from guildbank.identity.usecases.factors.read_factors import read_factors
from guildbank.identity.usecases.factors.recovery_codes import renew_recovery_codes
from guildbank.identity.usecases.factors.remove_factor import remove_factor
from guildbank.identity.usecases.factors.require_factor import may_change_factors
from guildbank.identity.usecases.factors.use_mailed_codes import use_mailed_codes
from guildbank.infra.http import (
    Body,
    Caller,
    JSONBody,
    Service,
    View,
    Who,
    fresh_session,
    granted,
    own_session,
    problem_for,
)
from guildbank.tenancy import SecondFactor

Parts = Service[Identity]
OWN = [own_session]
FRESH = [fresh_session]
TAGS: Sequence[str] = ["Second factor"]


class ConfirmTotpBody(Body):
    """The enrolment that is to hold, and the code that the app shows."""

    __example__: ClassVar = {"enrolment": "mP0rBz5Qd1"}

    enrolment: Annotated[str, Meta(min_length=1, max_length=64)]
    code: CodeText


class FactorsView(View):
    """What the player has beside a password. `policy` is what the tenant asks of all players."""

    __example__: ClassVar = {
        "policy": "optional",
        "totp": True,
        "mailedCode": False,
        "passkeys": 1,
        "recoveryCodesLeft": 9,
    }

    policy: SecondFactor
    totp: bool
    mailed_code: bool
    passkeys: int
    recovery_codes_left: int


@get("/v1/second-factor", guards=OWN, tags=TAGS, summary="See one's second factors")
async def see(identity: Parts, caller: Who) -> FactorsView:
    """Return which second factors the account has, and how many recovery codes are left."""
    factors, policy = granted(await read_factors(identity, caller.home, caller.principal))
    return FactorsView(
        policy=policy.second_factor,
        totp=factors.totp,
        mailed_code=factors.mailed_code,
        passkeys=factors.passkeys,
        recovery_codes_left=factors.recovery_codes,
    )


@post(
    "/v1/second-factor/totp",
    guards=FRESH,
    tags=TAGS,
    status_code=200,
    summary="Begin with an authenticator app",
)
async def begin(identity: Parts, caller: Who) -> EnrolmentView:
    """Return a secret for the app. Nothing holds until a code confirms it, within ten minutes."""
    of = granted(await may_change_factors(identity, caller.home, *_session(caller)))
    made = granted(await begin_totp(identity, caller.home, *of))
    return EnrolmentView(made.enrolment, made.secret, made.uri, made.expires_at)


@post(
    "/v1/second-factor/totp/confirm",
    guards=FRESH,
    tags=TAGS,
    status_code=200,
    summary="Confirm an authenticator app",
)
async def confirm(
    identity: Parts, caller: Who, data: JSONBody[ConfirmTotpBody]
) -> RecoveryCodesView:
    """Keep the app whose code this is: from now on each sign-in asks for a code."""
    player_id, session_id = _session(caller)
    factors, _ = granted(await may_change_factors(identity, caller.home, player_id, session_id))
    fresh = granted(
        await confirm_totp(identity, caller.home, factors, data.enrolment, data.code, session_id)
    )
    return RecoveryCodesView(fresh.recovery_codes)


@delete(
    "/v1/second-factor/totp",
    guards=FRESH,
    tags=TAGS,
    status_code=204,
    summary="Remove an authenticator app",
)
async def remove_totp(identity: Parts, caller: Who) -> None:
    """Ask for no code of an app any more, and end all other sessions."""
    await _remove(identity, caller, "totp")


@post(
    "/v1/second-factor/mailed-code",
    guards=FRESH,
    tags=TAGS,
    status_code=200,
    summary="Be asked for mailed codes",
)
async def use_mail(identity: Parts, caller: Who) -> RecoveryCodesView:
    """Mail a code at each sign-in from now on, to the confirmed address."""
    fresh = granted(await use_mailed_codes(identity, caller.home, *_session(caller)))
    return RecoveryCodesView(fresh.recovery_codes)


@delete(
    "/v1/second-factor/mailed-code",
    guards=FRESH,
    tags=TAGS,
    status_code=204,
    summary="Be asked for mailed codes no more",
)
async def remove_mail(identity: Parts, caller: Who) -> None:
    """Mail no more codes, and end all other sessions."""
    await _remove(identity, caller, "mailed_code")


@post(
    "/v1/second-factor/recovery-codes",
    guards=FRESH,
    tags=TAGS,
    status_code=200,
    summary="Get new recovery codes",
)
async def renew(identity: Parts, caller: Who) -> RecoveryCodesView:
    """Return ten new codes, shown this once; the earlier ones open nothing any more."""
    fresh = granted(await renew_recovery_codes(identity, caller.home, *_session(caller)))
    return RecoveryCodesView(fresh.recovery_codes)


async def _remove(identity: Identity, caller: Caller, kind: FactorKind) -> None:
    refusal = await remove_factor(identity, caller.home, *_session(caller), kind)
    if refusal is not None:
        raise problem_for(refusal)


def _session(caller: Caller) -> tuple[str, str]:
    """Return the player and the session; the guard has seen to it that there is one."""
    return caller.principal, caller.session_id or ""


ROUTES = (see, begin, confirm, remove_totp, use_mail, remove_mail, renew)
