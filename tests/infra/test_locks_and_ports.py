"""A folder or a port that another program uses is refused with a sentence that helps."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from guildbank.infra.processes import (
    FolderInUseError,
    FolderLock,
    PortTakenError,
    port_is_free,
    require_free_port,
)

_HOLD = """
import sys, time
from pathlib import Path
from guildbank.infra.processes import FolderLock
FolderLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
time.sleep(600)
"""


def test_the_second_holder_is_told_who_the_first_is(tmp_path: Path) -> None:
    with FolderLock(tmp_path), pytest.raises(FolderInUseError) as refused:
        FolderLock(tmp_path).acquire()
    assert refused.value.pid == os.getpid()
    assert f"{tmp_path} is in use by process {os.getpid()}" in str(refused.value)
    with FolderLock(tmp_path):
        pass


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", _HOLD, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(FolderInUseError, match=f"kill {holder.pid}"):
            FolderLock(tmp_path).acquire()
        holder.send_signal(signal.SIGKILL)
    with FolderLock(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_lock_is_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("keep")
    (tmp_path / "lock").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic links"):
        FolderLock(tmp_path).acquire()
    assert (tmp_path / "precious").read_text() == "keep"


def test_a_taken_port_is_named_with_a_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not port_is_free("127.0.0.1", port)
        with pytest.raises(PortTakenError, match=rf"Port {port} on 127.0.0.1 is taken.*--port"):
            require_free_port("127.0.0.1", port)
        assert not port_is_free("0.0.0.0", port)
    assert port_is_free("127.0.0.1", port)


def test_the_way_out_leads_past_a_server_and_the_sandbox_beside_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PortTakenError) as caught:
            require_free_port("127.0.0.1", port)
    advised = re.search(r"--port (\d+)", str(caught.value))
    assert advised
    assert int(advised[1]) not in {port, port + 1}


def test_a_port_whose_last_connections_linger_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        served, _ = server.accept()
        served.close()  # The side that closes first keeps the port in TIME_WAIT.
        client.close()
    assert port_is_free("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "x" * 70], ids=["foreign", "no name"])
def test_an_address_of_another_machine_is_named(host: str) -> None:
    with pytest.raises(PortTakenError, match="no address of this machine"):
        require_free_port(host, 8080)


def test_an_impossible_port_is_refused() -> None:
    assert not port_is_free("127.0.0.1", 70000)
