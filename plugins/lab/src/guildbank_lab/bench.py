"""What every company of the lab stands on: time, names, switches, trust, and the way out."""

import asyncio
import secrets
from contextlib import suppress

from guildbank_lab.authority import Authority
from guildbank_lab.clock import LabClock
from guildbank_lab.config import Config
from guildbank_lab.courier import Courier
from guildbank_lab.names import Names
from guildbank_lab.switches import Switchboard


class Bench:
    """The lab's parts. Made inside the loop that serves."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.born = secrets.token_hex(8)
        """Another one where nothing of before is known any more."""
        self.clock = LabClock()
        self.names = Names(config.seed)
        self.switches = Switchboard()
        self.authority = Authority(self.clock.now())
        self.stranger = Authority(self.clock.now())
        self.courier = Courier(config.retry_seconds, anywhere=config.allow_remote_webhooks)
        self._stopping = asyncio.Event()

    async def silence(self) -> None:
        """Keep a client waiting until it has given up, or the lab stops."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.config.silence_seconds):
                await self._stopping.wait()

    async def close(self) -> None:
        """Let nobody wait any longer."""
        self._stopping.set()
        await self.courier.close()
