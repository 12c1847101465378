"""Finds plugins by entry point and keeps those that can be used; a broken one only is reported."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from importlib.metadata import EntryPoint
from types import SimpleNamespace
from typing import Any, cast

import jsonschema_rs
import msgspec
import structlog

from guildbank.plugin_api import (
    API_VERSION,
    BEFORE_MOVES,
    CAPABILITY_VERBS,
    CAPTURE,
    DISPUTE_STAND,
    MERCHANT,
    PAYOUTS,
    SAVED_METHODS,
    SUBSCRIPTIONS,
    Captcha,
    IdentityProvider,
    Manifest,
    PaymentProvider,
    Plugin,
    Reports,
    Settles,
    Slot,
    Subscribes,
)
from guildbank.plugin_api.manifest_rules import fault_in
from guildbank.plugin_host.parting import part_with
from guildbank.plugin_host.shipped import points, stranger

log = structlog.get_logger(__name__)
SAFE = "not run: the server runs in safe mode"
SETTLEMENTS = "settlements"
"""The capability of a payment provider that reports what it settled."""
FINISH = "finish"
REPORTS = "reports"
"""The capability of a payment provider that is asked what became of payments."""

VERBS: Mapping[Slot, tuple[str, ...]] = {
    Slot.ENTRY: ("admit",),
    Slot.CHARGE: ("charge",),
    Slot.MIDDLEWARE: ("before_provider",),
    Slot.SCORER: ("score",),
    Slot.PROVIDER: (
        "create_payment",
        "fetch_payment",
        "cancel_payment",
        "refund",
        "fetch_refund",
        "read_webhook",
        "test_connection",
    ),
    Slot.CALLBACK: ("deliver",),
    Slot.IDENTITY: (),
    Slot.CAPTCHA: ("verify",),
}
"""What every plugin of a slot that is in use must be able to do."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was found under one name: a manifest, or the problem that keeps it out.

    `source` is the wheel of an installed plugin and `sha256` that of its bytes; those of the
    environment have none. Of these `distribution` names the one that is not Guildbank's own.
    `older` versions stand behind the newest one.
    """

    name: str
    manifest: Manifest | None = None
    problem: str | None = None
    source: str | None = None
    sha256: str | None = None
    older: bool = False
    distribution: str | None = None


Offered = tuple[Report, object | None]
"""An installed version of a plugin as it is offered: what to report of it, and it, if it is run."""


class Plugins:
    """The plugins of this process, by slot."""

    def __init__(self, found: Iterable[tuple[str, object]] = ()) -> None:
        self.reports: list[Report] = []
        self.safe = False
        """Whether only those run that come with Guildbank."""
        self._slots: dict[Slot, dict[str, object]] = {slot: {} for slot in Slot}
        self._installed: set[tuple[Slot, str]] = set()
        self._older: dict[tuple[Slot, str], list[Any]] = {}
        self.look_again: Callable[[], Awaitable[bool]] = _nothing_new
        """Takes up what was installed and removed since; True where that changed anything."""
        self.close_installed: Callable[[], Awaitable[None]] = _nothing_to_close
        """Ends the processes of installed plugins."""
        for name, plugin in found:
            self._admit(name, plugin)

    @classmethod
    def discover(cls, *, safe: bool = False) -> "Plugins":
        """Load every entry point of the group; what fails to load is reported, not raised.

        With `safe` only those are loaded that come with Guildbank.
        """
        plugins = cls()
        plugins.safe = safe
        for point in points():
            plugins._load(point, stranger(point), safe=safe)
        return plugins

    def renew(self, offered: Sequence[Offered]) -> None:
        """Put these versions of installed plugins, the newest of each first, in place of others.

        Whoever looks from now on finds these: nothing is awaited in between.
        """
        self.reports = [one for one in self.reports if one.source is None]
        for slot, id_ in self._installed:
            del self._slots[slot][id_]
        self._installed.clear()
        self._older.clear()
        for report, plugin in offered:
            self._put(report, plugin)

    def _put(self, report: Report, plugin: object | None) -> None:
        """Take an installed plugin; without one only report what is wrong with it."""
        manifest, problem = report.manifest, report.problem
        if manifest is not None and plugin is not None:
            key = (manifest.slot, manifest.id)
            if report.older and key in self._installed:
                self._older.setdefault(key, []).append(plugin)
            elif report.older:
                problem = problem or "its newest version cannot be used"
            elif any(manifest.id in one for one in self._slots.values()):
                problem = f"another plugin has the id {manifest.id!r}"
            else:
                self._slots[manifest.slot][manifest.id] = plugin
                self._installed.add(key)
        self.reports.append(msgspec.structs.replace(report, problem=problem))
        if problem is not None:
            log.error("plugin_refused", plugin=report.name, problem=problem)

    def at(self, slot: Slot, id_: str) -> Plugin | None:
        """Return the usable plugin of this id in the slot."""
        return cast("Plugin | None", self._slots[slot].get(id_))

    def provider(self, id_: str) -> PaymentProvider | None:
        """Return a payment provider."""
        return cast("PaymentProvider | None", self._slots[Slot.PROVIDER].get(id_))

    def reader(self, id_: str, states: Collection[int]) -> PaymentProvider | None:
        """Return the newest version of a payment provider that reads attempts of these states."""
        versions = self.versions(id_)
        return next(
            (one for one in versions if all(one.manifest.reads(state) for state in states)), None
        )

    def versions(self, id_: str) -> Sequence[PaymentProvider]:
        """Return all versions of a payment provider, the newest first."""
        newest = self.provider(id_)
        return () if newest is None else (newest, *self._older.get((Slot.PROVIDER, id_), ()))

    def settles(self, id_: str) -> Settles | None:
        """Return a payment provider as one that reports what it settled, where it does."""
        plugin = self.provider(id_)
        if plugin is None or SETTLEMENTS not in plugin.manifest.capabilities:
            return None
        return cast("Settles", plugin)

    def polled(self, id_: str) -> Reports | None:
        """Return a payment provider as one that is asked what became of payments, if it is."""
        plugin = self.provider(id_)
        if plugin is None or REPORTS not in plugin.manifest.capabilities:
            return None
        return cast("Reports", plugin)

    def subscribes(self, id_: str) -> Subscribes | None:
        """Return a payment provider as one that sells subscriptions, if it does."""
        plugin = self.provider(id_)
        if plugin is None or SUBSCRIPTIONS not in plugin.manifest.capabilities:
            return None
        return cast("Subscribes", plugin)

    def finishes(self, id_: str) -> bool:
        """Say whether a payment provider is to be told of what was credited."""
        plugin = self.provider(id_)
        return plugin is not None and FINISH in plugin.manifest.capabilities

    def identity_provider(self, id_: str) -> IdentityProvider | None:
        """Return an identity provider; its manifest says which of its capabilities it has."""
        return cast("IdentityProvider | None", self._slots[Slot.IDENTITY].get(id_))

    def captcha(self, id_: str) -> Captcha | None:
        """Return a captcha plugin."""
        return cast("Captcha | None", self._slots[Slot.CAPTCHA].get(id_))

    def manifests(self) -> list[Manifest]:
        """Return the manifests of all usable plugins, each in its newest version."""
        return [
            report.manifest
            for report in self.reports
            if report.manifest and not report.problem and not report.older
        ]

    async def close(self) -> None:
        """Part from all plugins, each within its time; one that fails does not keep the others."""
        own = [
            plugin
            for slot, plugins in self._slots.items()
            for id_, plugin in plugins.items()
            if (slot, id_) not in self._installed
        ]
        await asyncio.gather(self.close_installed(), *(part_with(one) for one in own))

    def _load(self, point: EntryPoint, distribution: str | None, *, safe: bool) -> None:
        if safe and distribution is not None:
            self._report(point.name, None, SAFE, distribution)
            return
        try:
            plugin = point.load()
        # Whatever a plugin's import raises must not stop start-up, an exit from it neither.
        except (Exception, SystemExit) as broken:
            self._report(point.name, None, f"does not load: {broken!r}", distribution)
            return
        self._admit(point.name, plugin, distribution)

    def _admit(self, name: str, plugin: Any, distribution: str | None = None) -> None:
        try:
            manifest = plugin.manifest
            problem = check_manifest(manifest, plugin)
        except (Exception, SystemExit) as broken:  # the same for its manifest
            self._report(name, None, f"has no usable manifest: {broken!r}", distribution)
            return
        if problem is None and manifest.id in self._slots[manifest.slot]:
            problem = f"another plugin has the id {manifest.id!r}"
        if problem is None:
            self._slots[manifest.slot][manifest.id] = plugin
        self._report(name, manifest, problem, distribution)

    def _report(
        self, name: str, manifest: Manifest | None, problem: str | None, distribution: str | None
    ) -> None:
        self.reports.append(
            Report(name=name, manifest=manifest, problem=problem, distribution=distribution)
        )
        if problem is not None:
            log.error("plugin_refused", plugin=name, problem=problem)


async def _nothing_new() -> bool:
    return False


async def _nothing_to_close() -> None:
    pass


_OF_EVIDENCE = ("fetch_dispute", "submit_evidence")
"""What a provider must be able to do that names texts by which disputes are answered."""
_OF_SAVED = (
    "open_customer",
    "knows_customer",
    "forget_customer",
    "saved_method",
    "fetch_method",
    "remove_method",
)
"""What a provider must be able to do that keeps methods of payment."""
_OF_REST: Mapping[str, str] = {
    SETTLEMENTS: "settlements",
    REPORTS: "report",
    FINISH: "finish_payment",
    "usage": "tell_usage",
    MERCHANT: "merchant",
    CAPTURE: "capture_payment",
    DISPUTE_STAND: "fetch_dispute",
}
"""What a provider must be able to do by its other capabilities, a verb each."""
_OF_PAYOUTS = ("check_destination", "pay_out", "fetch_payout")
"""What a provider must be able to do that pays money out."""


def check_manifest(manifest: object, plugin: object) -> str | None:
    """Return why a plugin cannot be used, None when it can."""
    if not isinstance(manifest, Manifest):
        return "its manifest is not a Manifest"
    if not manifest.api_min <= API_VERSION <= manifest.api_max:
        return f"works with api {manifest.api_min} to {manifest.api_max}, this is {API_VERSION}"
    if manifest.slot is Slot.NOTIFICATION:
        # A slot of the contract that no room asks: whoever enabled one would wait for messages.
        return "slot notification: nothing is sent through such plugins yet"
    wanted = [*VERBS[manifest.slot], *_verbs_of_capabilities(manifest)]
    missing = [verb for verb in wanted if not callable(getattr(plugin, verb, None))]
    if not wanted:
        return f"slot {manifest.slot} needs one capability of {', '.join(CAPABILITY_VERBS)}"
    if missing:
        return f"slot {manifest.slot} needs {', '.join(missing)}"
    try:
        jsonschema_rs.validator_for(dict(manifest.settings_schema))
    except jsonschema_rs.ValidationError as error:
        return f"its settings schema is invalid: {error.message}"
    return fault_in(manifest)


def check_recorded(manifest: Manifest, verbs: Iterable[str]) -> str | None:
    """Return the same of a plugin of which is known what it said that it can do."""
    return check_manifest(manifest, SimpleNamespace(**dict.fromkeys(verbs, check_recorded)))


def _verbs_of_capabilities(manifest: Manifest) -> list[str]:
    if manifest.slot is Slot.MIDDLEWARE:
        return ["before_moves"] if BEFORE_MOVES in manifest.capabilities else []
    if manifest.slot is not Slot.IDENTITY:
        return [
            *(_OF_EVIDENCE if manifest.evidence_fields else ()),
            *(_OF_SAVED if SAVED_METHODS in manifest.capabilities else ()),
            *(verb for name, verb in _OF_REST.items() if name in manifest.capabilities),
            *(("confirm",) if manifest.confirmed_by is not None else ()),
            *(_OF_PAYOUTS if PAYOUTS in manifest.capabilities else ()),
            *(("fetch_subscription",) if SUBSCRIPTIONS in manifest.capabilities else ()),
        ]
    return [
        verb
        for capability, verbs in CAPABILITY_VERBS.items()
        if capability in manifest.capabilities
        for verb in verbs
    ]
