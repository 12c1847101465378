"""The command that starts payment companies to play with."""

import sys
from typing import Annotated

import typer

from guildbank.app.cli.screen import fail, say

LAB = "guildbank_lab"


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(lab)


def lab(
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")
    ] = 8099,
    seed: Annotated[int, typer.Option("--seed", help="Decides every id that it makes up.")] = 1,
    silence_seconds: Annotated[
        float, typer.Option("--silence-seconds", min=0, max=3600, help="How long no answer comes.")
    ] = 60.0,
) -> None:
    """Play Stripe, PayPal, Apple, Google and Steam here, with a switch for every way to fail.

    Test tenants can be led to it; no real money moves. Everything is gone when it stops. The lab of
    `guildbank up` is led to already, and goes on where it was stopped.
    """
    import os
    from importlib.util import find_spec

    if find_spec(LAB) is None:
        raise fail("The lab is not installed here: install guildbank-lab.")
    say(f"The lab listens on http://127.0.0.1:{port}. Ctrl-C stops it.")
    sys.stdout.flush()
    # The lab takes this process over, so that a signal reaches it as it would reach us.
    os.execv(  # noqa: S606 - our own program, by its own interpreter
        sys.executable,
        [
            *(sys.executable, "-m", LAB, f"--port={port}", f"--seed={seed}"),
            f"--silence-seconds={silence_seconds}",
        ],
    )
