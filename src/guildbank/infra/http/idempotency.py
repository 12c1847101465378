"""The header that makes a retry safe: the same key with the same command has the same answer."""

from typing import Annotated

from litestar.params import HeaderParameter

HEADER = "Idempotency-Key"
_PATTERN = r"^[!-~]+$(?!\n)"
_MEANING = (
    "Makes a retry safe: the same key with the same command answers the same, "
    "with another command it is refused. 1 to 255 visible ASCII characters."
)

IdempotencyKey = Annotated[
    str,
    HeaderParameter(
        name=HEADER, min_length=1, max_length=255, pattern=_PATTERN, description=_MEANING
    ),
]
"""A required key: `idempotency_key: IdempotencyKey` in the route's signature."""

OptionalIdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name=HEADER, min_length=1, max_length=255, pattern=_PATTERN, description=_MEANING
    ),
]
"""A key that may be left out: `idempotency_key: OptionalIdempotencyKey = None`."""
