"""A hostile plugin finds nothing, reaches nobody, and is cut off whatever it does."""

import asyncio
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from secrets import token_urlsafe

import pytest
from tests.plugin_host.apart import context_of, gate_in, plugin_of, put_in
from tests.plugin_host.built import GATE, plugin_wheel

from guildbank.plugin_api import Annotated
from guildbank.plugin_api.conformance import PURCHASE
from guildbank.plugin_host import Plugins
from guildbank.plugin_host.apart import PluginFailed, Walls, join_installed

pytestmark = pytest.mark.skipif(Walls(Path("/nonexistent")).problem is not None, reason="no walls")

TRIES = """
    async def before_provider(self, context, purchase):
        said = {}
        for name in dir(self):
            if name.startswith("try_"):
                try:
                    said[name[4:]] = "GOT " + str(getattr(self, name)(context.settings["word"]))
                except BaseException as error:
                    said[name[4:]] = "no: " + type(error).__name__
        return Annotated(annotations=said)
"""
QUICK = "timeout_seconds=2,"


def open_to_all(path: str) -> None:
    Path(path).chmod(0o777)


def lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def reached(folder: Path, word: str, *tries: str) -> dict[str, str]:
    """Return what each try got that a plugin made."""
    body = TRIES + "".join(f"\n    def try_{one}\n" for one in tries)
    async with plugin_of(folder, body) as plugin:
        said = await plugin.before_provider(context_of(word=word), PURCHASE)
    assert isinstance(said, Annotated)
    return dict(said.annotations)


async def test_it_reads_neither_master_key_nor_credentials_nor_anothers_files(tmp_path: Path):
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    for name in ("master.key", "credentials.json"):
        (data / name).write_text(token_urlsafe())
        (data / name).chmod(0o644)
    said = await reached(
        tmp_path,
        str(data),
        "key(self, data): return open(data + '/master.key').read()",
        "credentials(self, data): return open(data + '/credentials.json').read()",
        "folder(self, data): return os.listdir(data)",
        "home(self, data): return os.listdir(os.path.expanduser('~'))",
        "passwords(self, data): return open('/etc/passwd').read()",
    )
    assert set(said) == {"key", "credentials", "folder", "home", "passwords"}
    assert not [one for one in said.values() if one.startswith("GOT")], said


@pytest.fixture
def shown() -> Iterator[Path]:
    """A data folder below one that every plugin is shown."""
    folder = Path("/usr/local/guildbank-test-data")
    if os.geteuid() != 0:
        pytest.skip("only root writes below /usr")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "master.key").write_text(token_urlsafe())
    yield folder
    shutil.rmtree(folder)


async def test_data_below_a_folder_that_is_shown_stays_hidden(shown: Path):
    body = TRIES + "\n    def try_key(self, data): return open(data).read()\n"
    assert await put_in(shown, plugin_wheel(shown, body)) is None
    plugins = Plugins()
    join_installed(plugins, shown)
    ask = gate_in(plugins).before_provider
    said = await ask(context_of(word=f"{shown}/master.key"), PURCHASE)
    await plugins.close()
    assert said.annotations["key"].startswith("no:")


async def test_it_sees_no_other_process_and_no_variable_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GUILDBANK_MASTER_KEY", "the-master-key")
    said = await reached(
        tmp_path,
        str(os.getpid()),
        "parent(self, pid): return open(f'/proc/{pid}/environ', 'rb').read()",
        "own(self, pid): return [one for one in os.environ if 'GUILDBANK' in one][0]",
        "processes(self, pid): return os.listdir('/proc')",
        "kill(self, pid): return os.kill(int(pid), signal.SIGKILL)",
        "kill_init(self, pid): return os.kill(1, signal.SIGTERM) or 1 / (os.getppid() != 1)",
    )
    assert not [one for one in said.values() if one.startswith("GOT")], said


async def test_it_connects_to_nobody_and_opens_no_socket_of_the_database(tmp_path: Path):
    path = str(tmp_path / "s")
    with socket.socket() as listening, socket.socket(socket.AF_UNIX) as database:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        database.bind(path)
        database.listen()
        open_to_all(path)
        port = listening.getsockname()[1]
        said = await reached(
            tmp_path,
            path,
            f"loopback(self, path): return socket.create_connection(('127.0.0.1', {port}), 2)",
            "beyond(self, path): return socket.create_connection(('192.0.2.1', 443), 2)",
            "names(self, path): return socket.getaddrinfo('example.com', 443)",
            "database(self, path): return socket.socket(socket.AF_UNIX).connect(path)",
            "abstract(self, path): return socket.socket(socket.AF_UNIX).connect('\\0' + path)",
        )
    assert len(said) == 5
    assert not [one for one in said.values() if one.startswith("GOT")], said


async def test_it_writes_nowhere_but_into_its_own_small_scratch_folder(tmp_path: Path):
    said = await reached(
        tmp_path,
        "x",
        "root(self, word): return open('/x', 'w').write(word)",
        "own(self, word): return open('/plugin/fence_plugin.py', 'a').write(word)",
        "core(self, word): return open('/core/guildbank/__init__.py', 'a').write(word)",
        "usr(self, word): return open('/usr/x', 'w').write(word)",
        "dev(self, word): return open('/dev/x', 'w').write(word)",
        "much(self, word): return open(os.sep + 'tmp/a', 'wb').write(bytes(64 << 20))",
        "scratch(self, word): return open(os.sep + 'tmp/b', 'w').write(word)",
    )
    scratch = said.pop("scratch")
    assert scratch in ("GOT 1", "no: OSError")
    assert not [one for one in said.values() if one.startswith("GOT")], said


async def test_it_starts_no_process_and_gets_no_memory_past_its_limit(tmp_path: Path):
    libc = "ctypes.CDLL(None, use_errno=True)"
    said = await reached(
        tmp_path,
        "x",
        "fork(self, word): return os.fork()",
        "program(self, word): return __import__('subprocess').run(['/bin/true'])",
        "memory(self, word): return len(bytearray(2 << 30))",
        f"segment(self, word): return {libc}.shmget(0, 1 << 20, 0o600) + 1 and 1 / 0",
        "nameless(self, word): return os.memfd_create('x')",
        f"namespace(self, word): return 1 / (1 + {libc}.unshare(0x10000000))",
        "threads(self, word): return [threading.Thread(target=time.sleep, args=(9,)).start()"
        " for _ in range(500)]",
    )
    segment = said.pop("segment")
    assert segment == "no: ZeroDivisionError" or segment == "GOT 0"
    assert not [one for one in said.values() if one.startswith("GOT")], said


async def failing(folder: Path, body: str) -> tuple[str, float]:
    """Return how a call failed, and in how many seconds; the plugin then answers again."""
    again = "\n    async def before_provider(self, context, purchase):\n"
    again += "        if context.settings.get('word') == 'well':\n"
    again += "            return Annotated(annotations={'pid': str(os.getpid())})\n"
    async with plugin_of(folder, again + body, more=QUICK) as plugin:
        await plugin.start(context_of())
        began = time.monotonic()
        try:
            await plugin.before_provider(context_of(word="ill"), PURCHASE)
            said = "an answer"
        except (PluginFailed, TimeoutError) as error:
            said = f"{type(error).__name__} {error}"
        took = time.monotonic() - began
        await asyncio.sleep(2)
        await plugin.start(context_of())
        well = await plugin.before_provider(context_of(word="well"), PURCHASE)
        assert isinstance(well, Annotated)
    return said, took


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("        raise RuntimeError('thrown')", "PluginFailed thrown"),
        ("        await asyncio.sleep(60)", "TimeoutError"),
        ("        while True: pass", "TimeoutError"),
        ("        time.sleep(60)", "TimeoutError"),
        ("        os._exit(3)", "PluginFailed fence of moonlit was ended"),
        ("        return 'yes'", "before_provider answered str"),
        ("        ctypes.string_at(0)", "PluginFailed fence of moonlit was ended"),
        ("        x = []\n        while True: x.append(bytearray(1 << 20))", "PluginFailed"),
        ("        while True: print('x' * 100000)", "TimeoutError"),
        ("        [os.write(n, b'garbage' * 99) for n in range(3, 7)\n"
         "         if __import__('stat').S_ISFIFO(os.fstat(n).st_mode)]", "PluginFailed"),
        ("        for n in range(3, 16):\n            try: os.write(n, (2 << 30).to_bytes(4))\n"
         "            except OSError: pass\n        await asyncio.sleep(60)", "no message"),
    ],
    ids=["throws", "hangs", "spins", "sleeps", "exits", "answers else", "crashes",
         "eats memory", "prints", "garbage", "a frame of 2 GB"],
)  # fmt: skip
async def test_one_that_does_not_answer_well_is_cut_off_and_the_next_call_is_answered(
    tmp_path: Path, body: str, said: str
):
    heard, took = await failing(tmp_path, body)
    assert said in heard
    assert took < 4


async def test_tenants_have_a_process_each_and_nothing_outlives_the_server(tmp_path: Path):
    body = """
    async def before_provider(self, context, purchase):
        self.seen = getattr(self, "seen", ()) + (context.settings["word"],)
        return Annotated(annotations={"seen": " ".join(self.seen)})
"""
    async with plugin_of(tmp_path, body) as plugin:
        ask = plugin.before_provider
        await ask(context_of("one", word="secret-of-one"), PURCHASE)
        other = await ask(context_of("two", word="b"), PURCHASE)
        again = await ask(context_of("one", word="c"), PURCHASE)
        assert other.annotations == {"seen": "b"}
        assert again.annotations == {"seen": "secret-of-one c"}
        places = plugin._house._places.values()
        pids = [place.process._process.pid for place in places if place.process]
        assert len(pids) == 2
    assert not [pid for pid in pids if lives(pid)]


def below(pid: int) -> list[int]:
    """Return the process and all that it has started."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


def status_of(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text()


async def test_it_runs_as_another_user_or_among_users_of_its_own(tmp_path: Path):
    body = """
    async def before_provider(self, context, purchase):
        return Annotated(annotations={"pid": str(os.getpid())})
"""
    async with plugin_of(tmp_path, body) as plugin:
        await plugin.before_provider(context_of(word="a"), PURCHASE)
        (place,) = plugin._house._places.values()
        assert place.process is not None
        innermost = below(place.process._process.pid)[-1]
        status = status_of(innermost)
        if os.geteuid() == 0:
            ids = re.findall(r"^[UG]id:\t(\d+)\t(\d+)\t(\d+)\t(\d+)$", status, re.MULTILINE)
            assert len(ids) == 2
            assert not {"0"} & {one for kind in ids for one in kind}, ids
            assert re.search(r"^Groups:\s*$", status, re.MULTILINE)
        else:
            ours = os.readlink("/proc/self/ns/user")
            assert os.readlink(f"/proc/{innermost}/ns/user") != ours
        for kind in ("CapEff", "CapPrm", "CapAmb"):
            assert re.search(rf"^{kind}:\t0+$", status, re.MULTILINE), status
        assert re.search(r"^NoNewPrivs:\t1$", status, re.MULTILINE)


async def test_requests_go_through_the_core_alone(tmp_path: Path):
    body = """
    async def before_provider(self, context, purchase):
        try:
            got = await context.http.send("POST", context.settings["word"], body=b"!")
        except NoAnswer as error:
            return Annotated(annotations={"no": str(error)})
        return Annotated(annotations={"got": got.body.decode()})
"""
    async with plugin_of(tmp_path, body) as plugin:
        ask = plugin.before_provider
        got = await ask(context_of(word="https://peer.example/x"), PURCHASE)
        no = await ask(context_of(word="https://other.example/x"), PURCHASE)
    assert got.annotations == {"got": "POST!"}
    assert no.annotations == {"no": "this host is not in its manifest"}


async def test_where_no_wall_can_be_built_it_is_not_run_unless_the_owner_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    data = tmp_path / "data"
    assert await put_in(data, plugin_wheel(tmp_path, GATE)) is None
    monkeypatch.setenv("PATH", "/nonexistent")
    plugins = Plugins()
    join_installed(plugins, data)
    assert plugins.reports[0].problem is not None
    assert "apt-get install bubblewrap" in plugins.reports[0].problem
    assert "GUILDBANK_ALLOW_UNCONFINED_PLUGINS" in plugins.reports[0].problem
    willing = Plugins()
    join_installed(willing, data, unconfined=True)
    plugin = gate_in(willing)
    said = await plugin.before_provider(context_of(word="a"), PURCHASE)
    await willing.close()
    assert said.annotations == {"word": "a"}
