"""A rule is checked before it is kept: what is wrong is told by its place and in a sentence."""

import pytest

from guildbank.plugin_api import SettingProblem
from guildbank.plugin_host import Plugins, check_settings
from guildbank_rule.bad_rule import NO_FRACTIONS
from guildbank_rule.manifest import MANIFEST
from guildbank_rule.plugin import PLUGIN

NOTE = {"note": {"seen": "yes"}}
VETO = {"veto": {"code": "no", "detail": "Not today."}}


def rules(*when: str) -> dict:
    return {
        "rules": [{"name": f"rule {n}", "when": one, "then": NOTE} for n, one in enumerate(when)]
    }


def said(when: str) -> str:
    [problem] = PLUGIN.check_settings(rules(when))
    assert problem.field == "rules.0.when"
    return problem.detail


def test_the_gate_is_found() -> None:
    assert MANIFEST in Plugins.discover().manifests()


@pytest.mark.parametrize(
    "when",
    [
        "payment.amount_minor * 12 / 10 > 5000",
        "payment.amount_minor > {'EUR': 500, 'USD': 600}[payment.money]",
        "payment.country in ['DE', 'AT'] || payment.country == ''",
        "payment.player_id.startsWith('player_') && payment.purpose == 'packs'",
        "'fraud.score' in payment.annotations && int(payment.annotations['fraud.score']) > 80",
        "has(payment.annotations.seen)",
        "payment.annotations.exists(name, name.startsWith('fraud.'))",
        "payment.product_id.matches('^pack_[a-z]{1,20}$')",
        "now.getDayOfWeek('Asia/Tokyo') == 0",
        "now - timestamp('2026-01-01T00:00:00Z') > duration('24h')",
        "payment.coins + payment.bonus >= 1000 ? payment.provider != 'x' : true",
        "[1, 2, 3].all(one, one < payment.coins)",
        "size(payment.game_currency) == 3 // a comment",
    ],
)
def test_a_rule_over_what_is_known_of_a_purchase_is_kept(when: str) -> None:
    assert check_settings(MANIFEST, rules(when)) is None
    assert PLUGIN.check_settings(rules(when)) == []


@pytest.mark.parametrize(
    ("when", "sentence"),
    [
        ("payment.amount_minor >", "line 1, column 23: Syntax error: mismatched input '<EOF>'"),
        ("payment.country == 'DE' &&\npayment.coins > 'x'", "line 2, column 15: found no matching"),
        ("payment.contry == 'DE'", "undeclared reference to 'payment.contry'. A rule may name"),
        ("payment == 1", "undeclared reference to 'payment'."),
        ("payment.country > 5", "no matching overload for '_>_' applied to '(string, int)'"),
        ("payment.country == null", "applied to '(string, null_type)'"),
        ("payment.coins > 9999999999999999999", "invalid int literal"),
        ("payment.amount_minor", "It gives int; a rule has to be true or false (bool)."),
        ("has(payment.country)", "It gives string; a rule has to be true or false (bool)."),
        ("(" * 300 + "true" + ")" * 300, "Expression recursion limit exceeded"),
        ("payment.coins" + " + 1" * 300 + " > 0", "Exceeded max recursion depth"),
        ("true\ud800", "half a character"),
    ],
)
def test_what_does_not_compile_is_refused_in_the_compilers_words(when: str, sentence: str) -> None:
    assert sentence in said(when)


@pytest.mark.parametrize(
    "when",
    [
        "payment.amount_minor * 1.2 > 5",
        "payment.amount_minor > 4.99",
        "double(payment.amount_minor) > 5.0",
        "double(payment.amount_minor) == double(payment.coins)",
        "int(4.99) < payment.amount_minor",
        "1.0 < 2.0",
        "[4.99].exists(price, price > 1.0)",
    ],
)
def test_fractions_do_not_come_near_money(when: str) -> None:
    assert NO_FRACTIONS in said(when)


@pytest.mark.parametrize(
    "when",
    [
        "payment.amount_minor in [1, 4.99]",
        "dyn(payment.amount_minor) > 4.99",
        "dyn(payment.country == 'DE')",
        "{'EUR': 1, 'USD': 'x'}['EUR'] == payment.coins",
    ],
)
def test_what_hides_its_type_is_refused(when: str) -> None:
    assert "Types cannot be checked" in said(when)


@pytest.mark.parametrize(
    ("when", "kind"),
    [
        ("uint(payment.coins) == 1u", "uint"),
        ("bytes(payment.country) == b'DE'", "bytes"),
        ("[[1]] == [[1]]", "list(list(int))"),
        ("type(1) == int", "null, a message or a type"),
        ("google.protobuf.Empty{} == google.protobuf.Empty{}", "null, a message or a type"),
        ("null == null", "null, a message or a type"),
    ],
)
def test_types_that_no_rule_needs_are_refused(when: str, kind: str) -> None:
    assert f"of another type ({kind})" in said(when)


SAME_MAPS = "payment.annotations == payment.annotations && " * 5


@pytest.mark.parametrize(
    ("when", "sentence"),
    [
        ("payment.country + 'x' == 'DEx'", "joins texts or lists with +"),
        ("[1] + [2] == [1, 2]", "joins texts or lists with +"),
        ("size([1].map(one, one + 1)) == 1", "map() and filter() make lists"),
        ("size(payment.annotations.filter(name, true)) == 1", "map() and filter() make lists"),
        ("[1, 2].all(a, [1, 2].all(b, [1, 2].all(c, a == b)))", "steps, more than 10000"),
        ("payment.annotations.exists(name, name.matches('x'))", "steps, more than 10000"),
        (f"payment.annotations.all(name, {SAME_MAPS} true)", "steps, more than 10000"),
        (" && ".join(["payment.country.matches('x')"] * 10), "steps, more than 10000"),
        ("payment.country.matches(payment.money)", "pattern of matches() has to stand in the rule"),
        ("payment.country.matches('(')", "'(' cannot be used: missing ): (."),
        ("payment.country.matches('(a)(?=b)')", "cannot be used: invalid perl operator"),
        ("payment.country.matches('(?:x?){900}x{900}')", "pattern too large"),
        ("payment.country.matches('" + "x" * 201 + "')", "at most 200 characters"),
        ("now.getHours('Europe/Atlantis') < 3", "'Europe/Atlantis' is no time zone."),
        ("now.getHours(payment.country) < 3", "time zone has to stand in the rule, in quotes"),
        ("now > timestamp('tomorrow')", "'tomorrow' is no timestamp."),
        ("now - now > duration('a while')", "'a while' is no duration."),
    ],
)
def test_what_could_grow_or_run_long_or_never_answer_is_refused(when: str, sentence: str) -> None:
    assert sentence in said(when)


def test_each_bad_rule_is_named_and_good_ones_are_not() -> None:
    found = PLUGIN.check_settings(rules("true", "1", "payment.coins > 0", "nothing"))
    assert [problem.field for problem in found] == ["rules.1.when", "rules.3.when"]


def test_two_rules_of_one_name_are_refused() -> None:
    twins = {"rules": [{"name": "night", "when": "true", "then": NOTE}] * 2}
    assert PLUGIN.check_settings(twins) == [
        SettingProblem(field="rules.1.name", detail="The rule rules.0 has the same name.")
    ]


def test_the_rules_of_a_gate_share_their_steps() -> None:
    heavy = " && ".join(["payment.country.matches('x')"] * 5)
    assert PLUGIN.check_settings(rules(heavy)) == []
    [problem] = PLUGIN.check_settings(rules(heavy, f"{heavy} && true"))
    assert problem.field == "rules"
    assert "more than 10000" in problem.detail


def noting(count: int) -> dict:
    names = [f"name_{number}" for number in range(count)]
    return {
        "rules": [{"name": name, "when": "true", "then": {"note": {name: "x"}}} for name in names]
    }


def test_a_gate_notes_no_more_names_than_a_purchase_carries() -> None:
    assert PLUGIN.check_settings(noting(20)) == []
    assert PLUGIN.check_settings(noting(21)) == [
        SettingProblem(field="rules", detail="Together the rules note 21 names, more than 20.")
    ]


def one(**changes: object) -> dict:
    return {"rules": [{"name": "a", "when": "true", "then": NOTE, **changes}]}


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({}, "settings"),
        ({"rules": []}, "settings.rules"),
        ({"rules": one()["rules"] * 51}, "settings.rules"),
        ({**one(), "mode": "dry"}, "settings"),
        (one(name=""), "settings.rules.0.name"),
        (one(name="a\nb"), "settings.rules.0.name"),
        (one(when=""), "settings.rules.0.when"),
        (one(when="t" * 2_001), "settings.rules.0.when"),
        (one(unless="true"), "settings.rules.0"),
        (one(then={}), "settings.rules.0.then"),
        (one(then={**NOTE, **VETO}), "settings.rules.0.then"),
        (one(then={"veto": {"code": "no"}}), "settings.rules.0.then.veto"),
        (one(then={"veto": {"code": "No!", "detail": "x"}}), "settings.rules.0.then.veto.code"),
        (one(then={"veto": {"code": "no", "detail": ""}}), "settings.rules.0.then.veto.detail"),
        (one(then={"note": {}}), "settings.rules.0.then.note"),
        (one(then={"note": {"Bad Name": "x"}}), "settings.rules.0.then.note"),
        (one(then={"note": {"x" * 24: "x"}}), "settings.rules.0.then.note"),
        (one(then={"note": {"a": 5}}), "settings.rules.0.then.note.a"),
    ],
)
def test_settings_that_do_not_fit_are_refused_by_name(settings: dict, field: str) -> None:
    refusal = check_settings(MANIFEST, settings)
    assert refusal is not None
    assert refusal.field == field
