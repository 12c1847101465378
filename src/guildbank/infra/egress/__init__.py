"""The one way to addresses that a tenant supplies.

egress = Egress(private=settings.egress_private)
answer = await egress.send("GET", url, owner=tenant.id)
"""

from guildbank.infra.egress.client import (
    MAX_ANSWER_BYTES,
    MAX_REQUEST_BYTES,
    Answer,
    Egress,
    EgressFailed,
    EgressRefused,
    Method,
    read_url,
)
from guildbank.infra.egress.names import Resolve, Resolvers
from guildbank.infra.egress.places import Reach, reach_of

__all__ = [
    "MAX_ANSWER_BYTES",
    "MAX_REQUEST_BYTES",
    "Answer",
    "Egress",
    "EgressFailed",
    "EgressRefused",
    "Method",
    "Reach",
    "Resolve",
    "Resolvers",
    "reach_of",
    "read_url",
]
