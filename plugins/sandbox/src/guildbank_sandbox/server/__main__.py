"""Starts the server from a command line: `python -m guildbank_sandbox.server`."""

import argparse
import asyncio
import fcntl
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from granian.constants import Interfaces
from granian.server.embed import Server

from guildbank_sandbox.server.app import create_app
from guildbank_sandbox.server.config import Config

PARENT_CHECK_SECONDS = 0.5


def main() -> int:
    """Serve until SIGTERM or SIGINT. Returns 1 with a sentence when it cannot start."""
    options = _parser().parse_args()
    options.data.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(f"{options.data}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return _complain(f"{options.data} is in use by another sandbox")
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((options.host, options.port))
        except OSError as error:
            return _complain(f"cannot listen on {options.host}:{options.port}: {error.strerror}")
    asyncio.run(_serve(options, _config(options)))
    return 0


async def _serve(options: argparse.Namespace, config: Config) -> None:
    server = Server(
        create_app(config),
        address=options.host,
        port=options.port,
        interface=Interfaces.ASGI,
        log_enabled=False,
        websockets=False,
    )
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, server.stop)
    serving = asyncio.create_task(server.serve())
    if options.exit_with_parent:
        watching = asyncio.create_task(_stop_when_orphaned(server.stop))
        serving.add_done_callback(lambda _: watching.cancel())
    await serving


async def _stop_when_orphaned(stop: Callable[[], None]) -> None:
    parent = os.getppid()
    # No event tells of a parent's death on every system, so it is looked at.
    while os.getppid() == parent:  # noqa: ASYNC110
        await asyncio.sleep(PARENT_CHECK_SECONDS)
    stop()


def _config(options: argparse.Namespace) -> Config:
    host = f"[{options.host}]" if ":" in options.host else options.host
    return Config(
        data=options.data,
        public_url=(options.public_url or f"http://{host}:{options.port}").rstrip("/"),
        answer_delay_seconds=options.answer_delay_seconds,
        late_seconds=options.late_seconds,
        retry_base_seconds=options.retry_base_seconds,
        allow_remote_webhooks=options.allow_remote_webhooks,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m guildbank_sandbox.server",
        description="A payment provider to play with. No real money moves.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=8081)
    add("--data", type=Path, required=True, help="SQLite file, created when missing")
    add("--public-url", help="how a browser reaches this server, if not by host and port")
    add("--answer-delay-seconds", type=float, default=45.0, help="of the _timeout methods")
    add("--late-seconds", type=float, default=15.0, help="of late captures and late webhooks")
    add("--retry-base-seconds", type=float, default=1.0, help="first pause between webhook tries")
    add("--allow-remote-webhooks", action="store_true", help="not only to loopback addresses")
    add("--exit-with-parent", action="store_true", help="stop when the starting process is gone")
    return parser


def _complain(sentence: str) -> int:
    print(f"sandbox: {sentence}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
