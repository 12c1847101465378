"""The lab as a program: `guildbank lab` starts it, a signal ends it, a taken port is said."""

import signal
import subprocess
import sys
import time
from contextlib import suppress

import httpx
from tests.servers.guildbank import GUILDBANK
from tests.servers.lab import LabServer
from tests.servers.sandbox import free_port


def test_the_command_serves_until_it_is_told_to_stop() -> None:
    port = free_port()
    process = subprocess.Popen(
        [*GUILDBANK, "lab", f"--port={port}"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert f"http://127.0.0.1:{port}" in process.stdout.readline()
        assert answers(port)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
    finally:
        process.kill()
        process.communicate()


def test_a_waiting_client_does_not_keep_it_from_stopping() -> None:
    with LabServer(silence_seconds=600) as lab:
        lab.turn("*", "token", "silence")
        with suppress(httpx.ReadTimeout):
            httpx.post(f"{lab.url}/v1/oauth2/token", timeout=0.2, trust_env=False)
        began = time.monotonic()
        assert lab.stop() == 0
        assert time.monotonic() - began < 8


def test_a_taken_port_is_said_and_ends_it() -> None:
    with LabServer() as lab:
        command = [sys.executable, "-m", "guildbank_lab", f"--port={lab.port}"]
        second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert second.returncode == 1
    assert "cannot listen on" in second.stderr


def answers(port: int) -> bool:
    for _ in range(200):
        with suppress(httpx.TransportError):
            return httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).is_success
        time.sleep(0.05)
    return False
