"""Settings of `guildbank plugin test` are read by the plugin's schema, and wrong ones are named."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec
import pytest

from guildbank.app.plugin_trials import CannotTry, try_plugin
from guildbank.plugin_api import Annotated, Context, Manifest, PurchaseView, SettingProblem, Slot
from guildbank.plugin_host import Plugins
from guildbank_score.plugin import PLUGIN as SCORE
from guildbank_tax.plugin import PLUGIN as TAX


class Reader:
    """A middleware that keeps the settings it was asked with."""

    manifest = Manifest(
        id="reader",
        version="1.0.0",
        slot=Slot.MIDDLEWARE,
        title="Reader",
        settings_schema={
            "type": "object",
            "additionalProperties": False,
            "required": ["word"],
            "properties": {
                "word": {"type": "string"},
                "least": {"type": "integer"},
                "strict": {"type": "boolean"},
                "names": {"type": "array", "items": {"type": "string"}},
                "rules": {"type": "array", "items": {"type": "integer"}},
                "limits": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"EUR": {"type": "integer"}},
                },
            },
        },
    )
    settings: ClassVar[list[Mapping[str, Any]]] = []

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated:
        self.settings.append(context.settings)
        return Annotated()

    def check_settings(self, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        if settings.get("word") == "swordfish":
            return [SettingProblem(field="word", detail="Everybody knows it.")]
        return []


def test_each_setting_becomes_what_its_schema_wants() -> None:
    given = [
        "word=7=seven",
        "least=-5",
        "strict=yes",
        "names=ann,bob",
        "rules=[1, 2]",
        'limits={"EUR": 900}',
    ]
    checks = try_plugin(Plugins([("reader", Reader())]), "reader", given)
    assert [check for check in checks if check.ran and not check.passed] == []
    assert Reader.settings[-1] == {
        "word": "7=seven",
        "least": -5,
        "strict": True,
        "names": ["ann", "bob"],
        "rules": [1, 2],
        "limits": {"EUR": 900},
    }


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("word", "'word' is not name=value."),
        ("least=many", "--setting least is no integer in JSON."),
        ("rules=[1", "--setting rules is no array in JSON."),
        ("limits=EUR", "--setting limits is no object in JSON."),
        ('limits={"eur": 1}', "settings.limits: Additional properties are not allowed"),
        ('rules=["x"]', "settings.rules.0: This is not of type"),
        ("strict=maybe", "--setting strict is neither true nor false."),
        ("word=swordfish", "settings.word: Everybody knows it."),
    ],
)
def test_a_wrong_setting_is_named(given: str, sentence: str) -> None:
    with pytest.raises(CannotTry) as refused:
        try_plugin(Plugins([("reader", Reader())]), "reader", ["word=x", given])
    assert sentence in str(refused.value)


def test_a_scorer_is_put_before_the_contract_of_its_slot() -> None:
    large = {"code": "large", "points": 9, "detail": "It is large.", "price_in": "EUR"}
    rules = msgspec.json.encode([{**large, "at_least": 100}]).decode()
    checks = try_plugin(Plugins([("score", SCORE)]), "score", [f"rules={rules}"])
    assert [check for check in checks if check.ran and not check.passed] == []
    assert "points_are_whole_and_have_reasons" in {one.name for one in checks if one.passed}


def test_a_charge_step_is_put_before_the_contract_of_its_slot() -> None:
    rates = msgspec.json.encode([{"country": "DE", "rate": "19"}]).decode()
    checks = try_plugin(Plugins([("tax", TAX)]), "tax", [f"rates={rates}"])
    assert [check for check in checks if check.ran and not check.passed] == []
    assert "lines_are_what_the_core_takes" in {one.name for one in checks if one.passed}
    with pytest.raises(CannotTry, match="XX is no country of ISO 3166-1"):
        try_plugin(Plugins([("tax", TAX)]), "tax", [f"rates={rates.replace('DE', 'XX')}"])


def test_a_missing_setting_and_a_missing_plugin_are_named() -> None:
    plugins = Plugins([("reader", Reader())])
    with pytest.raises(CannotTry, match=r'"word" is a required property\. Settings are given as'):
        try_plugin(plugins, "reader", [])
    with pytest.raises(CannotTry, match="There is no plugin 'writer' that can be tested"):
        try_plugin(plugins, "writer", [])


def test_a_plugin_that_cannot_be_used_is_not_tested_and_its_reason_is_told() -> None:
    class Endless(Reader):
        manifest = msgspec.structs.replace(Reader.manifest, timeout_seconds=500)

    why = "reader cannot be used: timeout_seconds is 500, not 1 to 120."
    with pytest.raises(CannotTry, match=f"^{re.escape(why)}$"):
        try_plugin(Plugins([("reader", Endless())]), "reader", ["word=x"])
