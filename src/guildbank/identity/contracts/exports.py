"""A copy of all that is known of a person, as a file to download."""

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from guildbank.kernel import Refusal

ExportState: TypeAlias = Literal["waiting", "ready", "failed"]


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is made by a job and kept until `expires_at`; `bytes` is its size."""

    id: str
    player_id: str
    state: ExportState
    principal: str
    requested_at: datetime
    expires_at: datetime
    ready_at: datetime | None = None
    bytes: int | None = None
    problem: str | None = None


NO_EXPORT = Refusal(code="not_found", detail="There is no such export.")
NOT_READY = Refusal(
    code="export_not_ready",
    detail="The file is being made, or could not be. Ask again in a minute and see its state.",
)
