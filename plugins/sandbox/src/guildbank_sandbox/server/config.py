"""What the provider server is told when it starts."""

from pathlib import Path

import msgspec


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one running server.

    `public_url` is how a browser reaches it, without a slash at the end. `answer_delay_seconds`
    is how long the `..._timeout` methods keep a client waiting; `late_seconds` is how late late
    captures and late webhooks are; `retry_base_seconds` is the first pause between two tries of
    a webhook, doubled on each.
    """

    data: Path
    public_url: str
    answer_delay_seconds: float = 45.0
    late_seconds: float = 15.0
    retry_base_seconds: float = 1.0
    checkout_lifetime_seconds: float = 86_400.0
    allow_remote_webhooks: bool = False

    @property
    def late_ms(self) -> int:
        """Return `late_seconds` in milliseconds."""
        return int(self.late_seconds * 1000)
