"""Slow hashes of passwords, computed beside the event loop so that requests need not wait.

Argon2id (RFC 9106) at OWASP's minimum of 19 MiB, 2 passes and 1 lane. Hashes that another system
made with bcrypt are verified too, and answered as outdated.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from functools import cache
from typing import TypeVar

import bcrypt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MEMORY_KIB, PASSES, LANES = 19 * 1024, 2, 1
MAX_BYTES = 1_024
"""Longer passwords are refused before they are hashed."""
_BCRYPT_PREFIXES = ("$2a$", "$2b$", "$2y$")
_BCRYPT_BYTES = 72
_MAX_BCRYPT_COST = 14
_NICENESS = 10
T = TypeVar("T")


class Overworked(Exception):
    """Too many passwords wait for their hash; nothing was begun."""


class Verdict(Enum):
    """What a password is to a stored hash; OUTDATED fits, and should be hashed anew."""

    WRONG = "wrong"
    RIGHT = "right"
    OUTDATED = "outdated"


@cache
def _nobody() -> str:
    """Return what nobody's password meets: it costs as long to find that out as for a real one."""
    return _argon().hash(os.urandom(32))


def _argon() -> PasswordHasher:
    return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)


class Passwords:
    """Hashes and verifies in `threads` threads that yield to the event loop's.

    At most `waiting` calls are taken at once, beyond that they raise Overworked.
    """

    def __init__(self, threads: int | None = None, waiting: int = 256) -> None:
        self._argon = _argon()
        self._threads = ThreadPoolExecutor(
            threads or max(1, (os.cpu_count() or 2) // 2), "passwords", _step_back
        )
        self._waiting = waiting
        self._taken = 0
        self._nobody = _nobody()

    async def hash(self, password: str) -> str:
        """Return the argon2id hash in PHC string form, with a salt of its own."""
        return await self._run(lambda: self._argon.hash(password))

    async def verify(
        self, password: str, stored: str | None, bcrypt_cost: int | None = None
    ) -> Verdict:
        """Compare with a stored hash; for None it takes as long and is WRONG.

        A stored text that is no hash is WRONG too. `bcrypt_cost` is the greatest of the imported
        hashes among which this one was looked for: what is WRONG then takes as long whether the
        hash is of either kind, or there is none.
        """
        return await self._run(lambda: self._verify_evenly(password, stored, bcrypt_cost))

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify_evenly(self, password: str, stored: str | None, bcrypt_cost: int | None) -> Verdict:
        verdict = self._verify(password, stored or self._nobody)
        if verdict is not Verdict.WRONG or bcrypt_cost is None:
            return verdict
        # Each cost is twice the work of the one before: with these, all that is asked for is done.
        done = 0
        if stored is not None and stored.startswith(_BCRYPT_PREFIXES):
            done = int(stored[4:6])
            self._verify(password, self._nobody)
        else:
            self._verify_bcrypt(password, _bcrypt_of_nobody(bcrypt_cost))
        for cost in range(done, bcrypt_cost if done else 0):
            self._verify_bcrypt(password, _bcrypt_of_nobody(cost))
        return Verdict.WRONG

    def _verify(self, password: str, stored: str) -> Verdict:
        if stored.startswith(_BCRYPT_PREFIXES):
            return self._verify_bcrypt(password, stored)
        try:
            self._argon.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return Verdict.WRONG
        return Verdict.OUTDATED if self._argon.check_needs_rehash(stored) else Verdict.RIGHT

    def _verify_bcrypt(self, password: str, stored: str) -> Verdict:
        try:
            # The algorithm looks at no more, and the library would refuse the rest.
            fits = bcrypt.checkpw(password.encode()[:_BCRYPT_BYTES], stored.encode())
        except ValueError:
            return Verdict.WRONG
        return Verdict.OUTDATED if fits else Verdict.WRONG

    async def _run(self, work: Callable[[], T]) -> T:
        if self._taken >= self._waiting:
            raise Overworked
        self._taken += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._taken -= 1


def _bcrypt_of_nobody(cost: int) -> str:
    """Return a hash of this cost that no password meets."""
    return f"$2b${cost:02}$" + "." * 53


def is_importable(stored: str) -> bool:
    """Say whether a hash made elsewhere is one that `verify` understands, and not absurdly slow."""
    if stored.startswith(_BCRYPT_PREFIXES):
        cost = stored[4:6]
        return len(stored) == 60 and cost.isdecimal() and int(cost) <= _MAX_BCRYPT_COST
    return stored.startswith("$argon2id$") and len(stored) <= 256


def _step_back() -> None:
    """Let this thread run after others: who hashes a password may wait, who pays must not."""
    # On Linux a thread has a niceness of its own.
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
