"""Starts the lab from a command line: `python -m guildbank_lab`."""

import argparse
import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

from granian.constants import Interfaces
from granian.server.embed import Server

from guildbank_lab.app import create_app
from guildbank_lab.config import Config


def main() -> int:
    """Serve until SIGTERM or SIGINT. Returns 1 with a sentence when it cannot start."""
    options = _parser().parse_args()
    os.nice(options.nice)
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((options.host, options.port))
        except OSError as error:
            where = f"{options.host}:{options.port}"
            print(f"lab: cannot listen on {where}: {error.strerror}", file=sys.stderr)
            return 1
    asyncio.run(_serve(options))
    return 0


async def _serve(options: argparse.Namespace) -> None:
    server = Server(
        create_app(_config(options)),
        address=options.host,
        port=options.port,
        interface=Interfaces.ASGI,
        log_enabled=False,
        websockets=False,
    )
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, server.stop)
    await server.serve()


def _config(options: argparse.Namespace) -> Config:
    host = f"[{options.host}]" if ":" in options.host else options.host
    return Config(
        url=(options.public_url or f"http://{host}:{options.port}").rstrip("/"),
        seed=options.seed,
        silence_seconds=options.silence_seconds,
        late_seconds=options.late_seconds,
        retry_seconds=options.retry_seconds,
        allow_remote_webhooks=options.allow_remote_webhooks,
        state=options.state,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m guildbank_lab",
        description="Payment companies to play with. No real money moves.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=8099)
    add("--public-url", help="how browsers and Guildbank reach the lab, if not by host and port")
    add("--seed", type=int, default=1, help="decides every id that the lab makes up")
    add("--silence-seconds", type=float, default=60.0, help="how long no answer comes")
    add("--late-seconds", type=float, default=1.0, help="how late a reordered webhook is")
    add("--retry-seconds", type=float, default=1.0, help="first pause between webhook tries")
    add("--allow-remote-webhooks", action="store_true", help="not only to loopback addresses")
    add("--state", type=Path, help="file in which all is kept; without one a stop forgets it")
    add("--nice", type=int, default=0, choices=range(20), help="how far it stands behind others")
    return parser


if __name__ == "__main__":
    sys.exit(main())
