"""The authenticator app of an operator (RFC 6238), and the codes for the day it is lost."""

import base64
import secrets

import pyotp
import segno

from guildbank.identity.contracts.events import FACTOR_ADDED
from guildbank.identity.contracts.operators import (
    ALREADY_ENROLLED,
    NO_OPERATOR,
    NOT_ENROLLING,
    WRONG_CODE,
    Enrolment,
)
from guildbank.identity.store.operators import factors as store
from guildbank.identity.store.operators import passkeys, people
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.operators.staff import Plane
from guildbank.infra.database import Tx
from guildbank.kernel import Refusal

STEP_SECONDS = 30
_STEPS_AROUND = (0, -1, 1)
"""A phone's clock may be a step off (RFC 6238, section 5.2)."""
RECOVERY_CODES = 10
_RECOVERY_BYTES = 10
_GROUP = 4


async def begin_enrolment(
    identity: Identity, plane: Plane, operator_id: str, *, again: bool, issuer: str
) -> Enrolment | Refusal:
    """Return the secret of an app that is to be set up; an app in use stays so until it is.

    Only with `again` for who has one. Refusals: `already_enrolled`, `not_found`.
    """
    secret = pyotp.random_base32()
    sealed = plane.sealer.seal(_place(operator_id), secret.encode())
    async with identity.db.begin(plane.schema) as tx:
        operator = await people.one(tx.driver, operator_id)
        if operator is None:
            return NO_OPERATOR
        if operator.second_factor and not again:
            return ALREADY_ENROLLED
        await store.begin(tx.driver, operator_id, sealed)
    uri = pyotp.TOTP(secret).provisioning_uri(name=operator.address, issuer_name=issuer)
    return Enrolment(secret=secret, uri=uri, qr=_picture(uri))


async def confirm_enrolment(
    identity: Identity, plane: Plane, tx: Tx, operator_id: str, code: str, *, again: bool
) -> tuple[str, ...] | Refusal:
    """Let the app be the one in use, and return new recovery codes.

    Refusals: `code_wrong`, `already_enrolled`.
    """
    await passkeys.lock(tx.driver, operator_id)
    operator = await people.one(tx.driver, operator_id)
    if not again and (operator is None or operator.second_factor):
        return ALREADY_ENROLLED
    _, pending = await store.totp(tx.driver, operator_id)
    if pending is None:
        return NOT_ENROLLING
    step = _step_of(identity, plane, operator_id, pending, code)
    if step is None or not await store.confirm(tx.driver, operator_id, pending, step):
        return WRONG_CODE
    codes = await fresh_codes(plane, tx, operator_id)
    told = {"operatorId": operator_id, "app": True}
    await plane.recorder.record(tx, operator_id, FACTOR_ADDED, told, arriving=True)
    return codes


async def fresh_codes(plane: Plane, tx: Tx, operator_id: str) -> tuple[str, ...]:
    """Return new recovery codes, which are good in place of all earlier ones."""
    codes = tuple(_new_code() for _ in range(RECOVERY_CODES))
    hashes = [_hash(plane, operator_id, code) for code in codes]
    await store.set_codes(tx.driver, operator_id, hashes)
    return codes


async def use_code(identity: Identity, plane: Plane, tx: Tx, operator_id: str, code: str) -> bool:
    """Say whether it is a code of the operator's app or a recovery code, and use it up."""
    secret, _ = await store.totp(tx.driver, operator_id)
    step = None if secret is None else _step_of(identity, plane, operator_id, secret, code)
    if step is not None:
        return await store.use_step(tx.driver, operator_id, step)
    return await store.use_code(tx.driver, operator_id, _hash(plane, operator_id, code))


def _picture(uri: str) -> str:
    """Return a QR code, dark on light in any theme: not every camera reads one the other way."""
    code = segno.make_qr(uri, error="m")
    return code.svg_inline(border=4, dark="#000", light="#fff", omitsize=True)


def _step_of(
    identity: Identity, plane: Plane, operator_id: str, sealed: bytes, code: str
) -> int | None:
    """Return the step whose code this is."""
    typed = code.replace(" ", "")
    if not typed.isascii() or not typed.isdecimal():
        return None
    app = pyotp.TOTP(plane.sealer.open(_place(operator_id), sealed).decode())
    now = int(identity.clock.now().timestamp()) // STEP_SECONDS
    for around in _STEPS_AROUND:
        step = now + around
        if secrets.compare_digest(app.generate_otp(step), typed):
            return step
    return None


def _new_code() -> str:
    """Return 80 random bits in groups that a person can copy."""
    text = base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower()
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def _hash(plane: Plane, operator_id: str, code: str) -> bytes:
    plain = code.replace("-", "").replace(" ", "").lower()
    return plane.sealer.hash(b"operator recovery code", f"{operator_id}.{plain}".encode())


def _place(operator_id: str) -> bytes:
    return b"identity_operator_totp:" + operator_id.encode()
