"""The server as a program: it says why it cannot start, and ends with whoever started it."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import httpx
from plugins.sandbox.tests.shop import eventually
from tests.servers.sandbox import SandboxServer

PARENT = """
import subprocess, sys, time
child = subprocess.Popen(sys.argv[1:])
print(child.pid, flush=True)
time.sleep(60)
"""


def test_it_stops_cleanly_when_it_is_told_to(tmp_path: Path):
    server = SandboxServer(tmp_path)
    assert server.stop() == 0


def test_only_its_owner_can_read_its_data(tmp_path: Path):
    with SandboxServer(tmp_path) as server:
        server.open_account()
        for file in tmp_path.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_a_taken_port_or_data_file_is_said_and_ends_it(tmp_path: Path):
    with SandboxServer(tmp_path) as server:
        same_file = subprocess.run(server.command(), capture_output=True, text=True, check=False)
        assert same_file.returncode == 1
        assert "in use by another sandbox" in same_file.stderr
        elsewhere = [*server.command(), f"--data={tmp_path / 'other'}"]
        same_port = subprocess.run(elsewhere, capture_output=True, text=True, check=False)
        assert same_port.returncode == 1
        assert f"cannot listen on 127.0.0.1:{server.port}" in same_port.stderr


def test_it_ends_when_the_process_that_started_it_is_killed(tmp_path: Path):
    with SandboxServer(tmp_path) as server:
        command = server.command()
        server.stop()
        parent = subprocess.Popen(
            [sys.executable, "-c", PARENT, *command], stdout=subprocess.PIPE, text=True
        )
        assert parent.stdout is not None
        with parent.stdout:
            child = int(parent.stdout.readline())
        eventually(lambda: answers(server.url))
        parent.kill()
        parent.wait()
        try:
            eventually(lambda: not answers(server.url))
        except AssertionError:
            os.kill(child, signal.SIGKILL)
            raise


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=1).is_success
    except httpx.TransportError:
        return False
