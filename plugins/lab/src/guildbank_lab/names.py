"""Ids that look made up and are not: the same seed names the same things in the same order."""

import random

_LETTERS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"


class Names:
    """Makes ids, each of them once."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - names things of a game, protects nothing
        self._given: set[str] = set()

    def new(self, length: int = 17) -> str:
        """Return an id of capitals and digits."""
        while True:
            name = "".join(self._random.choices(_LETTERS, k=length))
            if name not in self._given:
                self._given.add(name)
                return name
