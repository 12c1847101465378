"""What a plugin says of itself before any of its code runs."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal, Protocol

import msgspec

API_VERSION = 1
"""The version of this package's protocols; a manifest names the range that it works with."""


ReportLine = Literal["capture", "refund", "dispute", "dispute_back", "player_payout"]
"""What a settlement report may have a line of; `dispute` is money that a dispute withdrew,
`dispute_back` money that came back from one."""

BY_ADDRESS = "by_address"
"""The capability of a gate that looks at where a purchase comes from, which nothing stored says: a
dry run takes what it said then, as of a gate that asks somebody."""


class Slot(StrEnum):
    """Where a plugin sits: in the payment pipeline, on the way to a person, or at the door."""

    ENTRY = "entry"
    CHARGE = "charge"
    MIDDLEWARE = "middleware"
    SCORER = "scorer"
    PROVIDER = "provider"
    CALLBACK = "callback"
    NOTIFICATION = "notification"
    IDENTITY = "identity"
    CAPTCHA = "captcha"


class SettingsMigration(msgspec.Struct, frozen=True, kw_only=True):
    """How settings of versions older than `version` become those of that version, in this order.

    `renamed` are settings under other names, old to new, secrets too; `removed` are dropped;
    `values` replaces texts of single settings, by their new names; `added` is put where nothing is.
    It is told as data, so that the core reads settings without running a plugin.
    """

    version: str
    renamed: Mapping[str, str] = {}
    removed: tuple[str, ...] = ()
    values: Mapping[str, Mapping[str, str]] = {}
    added: Mapping[str, Any] = {}


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Identity, needs and limits of a plugin.

    `settings_schema` is a JSON Schema object with `additionalProperties: false`; the properties
    named in `secret_fields` are stored encrypted and never shown again. `secrets_go_with` names the
    settings that say where secrets are sent, or whose they are: who changes one has to send the
    secrets again. Settings that hold hosts always do (see `egress_hosts`). `egress_hosts` lists the
    hosts the plugin speaks to; `*` stands for those of its settings: the host of each text whose
    schema says format `uri`, each text of format `hostname`, lists of them too. `fail_closed` says
    whether a plugin that cannot answer refuses the payment; without it an entry or middleware is
    skipped then, and so it may veto nothing: its veto is no answer. `sandbox` marks a provider that
    moves no real money: live tenants refuse it. `test_only_settings` names settings of a payment
    provider that only test tenants may have, such as the address and the trust root of a server
    that plays it. `mode_prefixes` says how keys begin that tell their mode, by setting and mode: a
    test tenant may not have one that begins as those of `live` do, nor a live one a key for tests.
    `currencies` are those that a provider takes (ISO 4217); none named means that only the provider
    can say. `confirmed_by` says of a provider that `Confirms` whose word it
    takes that a payment was paid: the buyer's, or that of an operator of the tenant;
    `either` where its settings say so, or both have a part in it. A provider that has to know whose
    account with it pays says in `payer_issuer` which issuer these accounts have where players sign
    in by them; a payment's request then names the buyer's (`Payer`).
    `archived` names the fields of its requests and answers, JSON or form, that may be kept for the
    tenant's people to read beside the payment: `status`, `error.code`, and `*` for any one member,
    as in `items.*.id`. Name no field that says who somebody is, and none that is a secret.
    `request_id_header` is the header in which its company's answers say under which id it knows the
    request: it is kept with the exchange and stands in the payment's timeline, to be quoted when
    the company is asked about it.
    `sold_by_store` says of a provider that the buyer buys in the company's own store, which sets
    the price: then what the store took is the price of a payment, in whatever money, where for all
    others another amount or money is a conflict. Such a provider `Confirms`, and is asked by it
    about purchases that its events name, as `transaction`, whoever ended the payment before.
    `evidence_fields` of a provider that `AnswersDisputes` names the texts that it takes as evidence
    and the most characters of each.
    `state_version` of a provider numbers what it leaves behind of a payment and finds again: its
    references, and what it wrote at its company. Each attempt keeps the number of the version that
    began it. `reads_states` are older numbers that it still reads; an upgrade that cannot read what
    is still refundable or under way is refused. `settings_migrations`, the oldest first, make
    settings that older versions wrote those of this one.
    `account_settings` of a provider names the settings that say whose account there it is, such as
    an app's id: none of them secret, and no address of a test server, which may move.
    From the first payment on they stay as they are, so that money goes back to whom it came from.
    Where credentials alone say whose account it is, the provider `NamesMerchant`.
    `report_lines` of a provider that `Settles` names of what its report has a line each, so that
    one which the books have and no report has is shown to people. Nothing else is missed.
    """

    id: str
    version: str
    slot: Slot
    title: str
    api_min: int = API_VERSION
    api_max: int = API_VERSION
    capabilities: frozenset[str] = frozenset()
    settings_schema: Mapping[str, Any]
    secret_fields: frozenset[str] = frozenset()
    secrets_go_with: frozenset[str] = frozenset()
    account_settings: frozenset[str] = frozenset()
    egress_hosts: tuple[str, ...] = ()
    timeout_seconds: int = 30
    fail_closed: bool = True
    sandbox: bool = False
    test_only_settings: frozenset[str] = frozenset()
    mode_prefixes: Mapping[str, Mapping[str, tuple[str, ...]]] = {}
    currencies: frozenset[str] = frozenset()
    confirmed_by: Literal["buyer", "operator", "either"] | None = None
    archived: tuple[str, ...] = ()
    request_id_header: str | None = None
    payer_issuer: str | None = None
    sold_by_store: bool = False
    evidence_fields: Mapping[str, int] = {}
    state_version: int = 1
    reads_states: frozenset[int] = frozenset()
    settings_migrations: tuple[SettingsMigration, ...] = ()
    report_lines: frozenset[ReportLine] = frozenset({"capture", "player_payout"})

    def takes(self, currency: str) -> bool:
        """Say whether a provider may take the currency, as far as its manifest knows."""
        return not self.currencies or currency in self.currencies

    def reads(self, state_version: int) -> bool:
        """Say whether a provider goes on with attempts of this version of its state."""
        return state_version == self.state_version or state_version in self.reads_states


class Plugin(Protocol):
    """Anything that an entry point of the group `guildbank.plugins` names."""

    @property
    def manifest(self) -> Manifest:
        """Return the plugin's manifest, the same on every call."""
        ...
