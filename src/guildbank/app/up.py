"""Starts everything on one machine: database, migration, first keys, and supervised processes."""

import asyncio
import secrets
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from guildbank.app.credentials import (
    DEMO_TENANT,
    Credentials,
    read_credentials,
    write_credentials,
)
from guildbank.app.places import cluster_of, credentials_path, database_url, make_data_folder
from guildbank.app.schema import bring_forward, is_current
from guildbank.infra.config import Settings
from guildbank.infra.postgres import Cluster
from guildbank.infra.processes import (
    Child,
    FolderLock,
    Supervisor,
    own_environment,
    port_is_free,
    require_free_port,
)

SANDBOX, LAB = "guildbank_sandbox", "guildbank_lab"
_LOOPBACK = "127.0.0.1"
_ANYWHERE = {"0.0.0.0": _LOOPBACK, "::": "::1"}  # noqa: S104 - compared with, not listened on
_START_SECONDS = 600.0
_DRAIN_SECONDS = 25.0
_ASK_SECONDS = 2.0
_LOOK_SECONDS = 0.1
_LAB_SECONDS = 20.0
_MOST_SEEDS = 1_000_000


@dataclass(frozen=True)
class Running:
    """What a person needs to know of a server that is up. `fresh` keys were made just now.

    `owner_links` are for the first owners, by what they will own; made for a terminal alone.
    """

    url: str
    data: Path
    credentials: Credentials
    fresh: bool
    sandbox_url: str | None
    lab_url: str | None
    owner_links: Mapping[str, str]


@dataclass(frozen=True)
class Plan:
    """What will be run where."""

    settings: Settings
    url: str
    sandbox_port: int | None
    lab_port: int | None

    @property
    def sandbox_url(self) -> str | None:
        """Where the demo's payment provider listens."""
        return None if self.sandbox_port is None else f"http://{_LOOPBACK}:{self.sandbox_port}"

    @property
    def lab_url(self) -> str | None:
        """Where the demo's payment companies listen."""
        return None if self.lab_port is None else f"http://{_LOOPBACK}:{self.lab_port}"


def up(settings: Settings, ready: Callable[[Running], None], note: Callable[[str], None]) -> None:
    """Run until SIGINT, SIGTERM or SIGHUP, then drain and stop all in order.

    `ready` is called when requests are answered, `note` with a sentence whenever a process ends
    or comes back. Raises FolderInUseError, PortTakenError, ClusterError, MigrationFailed,
    ChildFailedError, KeyUnusable, CredentialsBroken and Refused; nothing is left running then.
    """
    make_data_folder(settings)
    with FolderLock(settings.data):
        plan = _plan(settings, note)
        asyncio.run(_run(plan, ready, note))


def _plan(settings: Settings, note: Callable[[str], None]) -> Plan:
    require_free_port(settings.host, settings.port)
    sandbox_port = None
    if settings.demo and find_spec(SANDBOX) is not None:
        sandbox_port = settings.port + 1
        require_free_port(_LOOPBACK, sandbox_port)
    # An address that was given may be a gateway's; else it is where we listen.
    given = "url" in settings.model_fields_set
    url = settings.url if given else f"http://{_netloc(settings)}"
    return Plan(settings, url.rstrip("/"), sandbox_port, _lab_port(settings, note))


def _lab_port(settings: Settings, note: Callable[[str], None]) -> int | None:
    """Return the port of the lab, which is left out rather than a reason not to start."""
    if not settings.demo or not settings.lab or find_spec(LAB) is None:
        return None
    port = settings.port + 2
    if port_is_free(_LOOPBACK, port):
        return port
    note(
        f"the provider lab is left out, since port {port} is taken: the demo's Stripe, PayPal, "
        "Apple, Google and Steam do not answer"
    )
    return None


def _netloc(settings: Settings) -> str:
    host = _ANYWHERE.get(settings.host, settings.host)
    return f"[{host}]:{settings.port}" if ":" in host else f"{host}:{settings.port}"


async def _run(plan: Plan, ready: Callable[[Running], None], note: Callable[[str], None]) -> None:
    """Start the processes and the database side by side: each waits for what it needs."""
    cluster = None if plan.settings.database_url else cluster_of(plan.settings)
    serving = asyncio.Event()
    supervisor = Supervisor(_children(plan), note)
    supervised = asyncio.create_task(supervisor.run(serving.set))
    preparing = asyncio.create_task(_prepare(plan, cluster, serving, note))
    leading: asyncio.Task[Credentials] | None = None
    try:
        await asyncio.wait({supervised, preparing}, return_when=asyncio.FIRST_COMPLETED)
        if preparing.done():
            ready(running := await preparing)
            # What was led to the lab before is right, but for a lab that has lost its file.
            leading = asyncio.create_task(
                _lead_to_lab(plan, running.credentials, note, _START_SECONDS)
            )
        await supervised
    finally:
        supervisor.stop()
        preparing.cancel()
        if leading is not None:
            leading.cancel()
            with suppress(asyncio.CancelledError):
                await leading
        with suppress(Exception, asyncio.CancelledError):
            await supervised
        if cluster is not None:
            await asyncio.to_thread(cluster.stop)
        with suppress(Exception, asyncio.CancelledError):
            await preparing


async def _prepare(
    plan: Plan, cluster: Cluster | None, serving: asyncio.Event, note: Callable[[str], None]
) -> Running:
    """Bring up the database, its schema and the first keys; then, over HTTP, the demo."""
    settings = plan.settings
    if cluster is not None:
        await asyncio.to_thread(cluster.start)
    url = database_url(settings)
    if not await is_current(url):
        await asyncio.to_thread(bring_forward, url)
    path = credentials_path(settings)
    known = read_credentials(path)
    if known is None:
        from guildbank.app.first_key import make_deployment_key

        key = await asyncio.to_thread(make_deployment_key, _calm(settings), "made by guildbank up")
        known, fresh = Credentials(plan.url, key), True
        write_credentials(path, known)
    else:
        fresh = False
    await serving.wait()
    wanted = plan.url, plan.sandbox_url
    if settings.demo and (known.demo is None or (known.url, known.sandbox_url) != wanted):
        from guildbank.app.demo import make_demo

        fresh = fresh or known.demo is None
        known = await asyncio.to_thread(make_demo, known, plan.url, plan.sandbox_url)
        write_credentials(path, known)
    if known.lab is None:
        # Whoever reads the keys can buy at once; a lab that is slower delays nobody for long.
        known = await _lead_to_lab(plan, known, note, _LAB_SECONDS)
    links = await _owner_links(settings, known)
    places = plan.sandbox_url, plan.lab_url
    return Running(plan.url, settings.data.absolute(), known, fresh, *places, links)


async def _lead_to_lab(
    plan: Plan, known: Credentials, note: Callable[[str], None], patience_seconds: float
) -> Credentials:
    """Let the demo's tenant be paid through the lab, and return what is known then."""
    if plan.lab_url is None or plan.lab_port is None:
        return known
    from guildbank.app.client import Refused
    from guildbank.app.demo_lab import lead_to_lab

    try:
        async with asyncio.timeout(patience_seconds):
            # No event tells when another program begins to listen.
            while not await _looked_at(_LOOPBACK, plan.lab_port, "/healthz"):  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_SECONDS)
        listens_at = f"http://{_netloc(plan.settings)}"
        led = await asyncio.to_thread(lead_to_lab, known, plan.lab_url, listens_at)
    except (Refused, TimeoutError) as error:
        why = str(error).rstrip(".") or f"it did not answer for {patience_seconds:g} s"
        note(f"the demo's tenant is not led to the provider lab yet: {why}")
        return known
    if led != known:
        write_credentials(credentials_path(plan.settings), led)
    return led


async def _looked_at(host: str, port: int, path: str) -> bool:
    """Say whether a program answers; one that does not listen yet does not."""
    with suppress(OSError):
        return await _answers(host, port, path)
    return False


async def _owner_links(settings: Settings, known: Credentials) -> Mapping[str, str]:
    """Return links for who will own what has no owner yet, where somebody looks on.

    What is not a terminal may be a file or a collector of logs, which must not hold a key.
    """
    if not sys.stdout.isatty():
        return {}
    from guildbank.app.staffing import first_owner_links

    demo = None if known.demo is None else known.demo.tenant
    return await asyncio.to_thread(first_owner_links, _calm(settings), demo)


def _calm(settings: Settings) -> Settings:
    """Return settings by which this process, which must outlive all others, loads no stranger."""
    return settings.model_copy(update={"safe": True})


def _children(plan: Plan) -> list[Child]:
    """Return the processes in the order of their start; they are stopped the other way round."""
    settings = plan.settings
    environment = _environment(plan)
    children = []
    if plan.sandbox_port is not None:
        file = settings.data.absolute() / "sandbox" / "sandbox.sqlite"
        place = [f"--port={plan.sandbox_port}", f"--data={file}"]
        children.append(Child("sandbox", _python(f"{SANDBOX}.server", *place), env=environment))
    if plan.lab_port is not None:
        children.append(Child("lab", _lab(settings, plan.lab_port), env=environment))
    children.append(
        Child(
            "worker",
            _python("guildbank.app.worker"),
            env=environment,
            grace_seconds=_DRAIN_SECONDS,
        )
    )

    async def answers() -> bool:
        host = _ANYWHERE.get(settings.host, settings.host)
        return await _answers(host, settings.port, "/readyz")

    children.append(
        Child(
            "server",
            _python("guildbank.app.serving"),
            env=environment,
            ready=answers,
            ready_seconds=_START_SECONDS,
            grace_seconds=_DRAIN_SECONDS,
        )
    )
    return children


def _lab(settings: Settings, port: int) -> list[str]:
    """Return how the lab is run: behind the rest, which somebody waits for.

    One that finds no file makes up other ids than one before it did, whose payments are still here.
    """
    file = settings.data.absolute() / "lab" / "lab.state"
    seed = 2 + secrets.randbelow(_MOST_SEEDS)
    return _python(LAB, f"--port={port}", f"--state={file}", f"--seed={seed}", "--nice=10")


def _environment(plan: Plan) -> dict[str, str]:
    """Return what the processes are told: the settings that options may have changed."""
    settings = plan.settings
    environment = own_environment(
        GUILDBANK_DATA=str(settings.data.absolute()),
        GUILDBANK_HOST=settings.host,
        GUILDBANK_PORT=str(settings.port),
        GUILDBANK_WORKERS=str(settings.workers),
        GUILDBANK_URL=plan.url,
        GUILDBANK_SAFE=str(settings.safe).lower(),
    )
    ours = [f"{_LOOPBACK}:{port}" for port in (plan.sandbox_port, plan.lab_port) if port]
    if ours:
        # The demo's providers are ours and on this machine; tenants' addresses are not let in.
        places = (*settings.egress_places, *ours)
        environment["GUILDBANK_EGRESS_PLACES"] = ",".join(places)
    if settings.demo:
        environment.setdefault("GUILDBANK_DEFAULT_TENANT", settings.default_tenant or DEMO_TENANT)
    if environment.pop("PYTHONDONTWRITEBYTECODE", None):
        # Who wants no compiled files beside the sources need not wait seconds for each start:
        # they are kept among the data.
        folder = settings.data.absolute() / "bytecode"
        environment.setdefault("PYTHONPYCACHEPREFIX", str(folder))
    return environment


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


async def _answers(host: str, port: int, path: str) -> bool:
    """Ask by hand: an HTTP client would take longer to import than the server to start."""
    async with asyncio.timeout(_ASK_SECONDS):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            ask = f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
            writer.write(ask.encode())
            return b" 200 " in await reader.readline()
        finally:
            writer.close()
