"""A person buys, refunds, voids and renews at the lab's Google by hand."""

import re
from collections.abc import Iterator

import httpx
import pytest
from tests.servers.lab import LabServer


class Person:
    """Somebody with a browser, at the page of a fresh app."""

    def __init__(self, lab: LabServer) -> None:
        self.package = str(lab.open_google(None, [])["package_name"])
        self.lab = lab
        self.http = httpx.Client(
            base_url=lab.url, trust_env=False, follow_redirects=True, timeout=10
        )
        self.page = f"/google/{self.package}"

    def sees(self) -> str:
        shown = self.http.get(self.page)
        assert shown.status_code == 200, shown.text
        return shown.text

    def buys(self, **fields: str) -> str:
        """Fill in the form as it is shown, press Buy, and return the newest purchase's order."""
        shown = self.sees()
        form = dict(re.findall(r"name='(\w+)' value='([^']*)'(?: required)?> (?!It )", shown))
        assert form["price"] == "4.99"
        done = self.http.post(f"{self.page}/buy", data={**form, "product": "gems", **fields})
        assert done.status_code == 200, done.text
        return re.findall(r"name='transaction' value='([^']+)'", done.text)[0]

    def can(self, order: str) -> list[str]:
        """Return which buttons a purchase has."""
        (row,) = [one for one in self.sees().split("<section>") if f"value='{order}'" in one]
        return re.findall(r"name='deed' value='(\w+)'", row)

    def presses(self, order: str, deed: str) -> None:
        assert deed in self.can(order)
        done = self.http.post(f"{self.page}/deeds", data={"transaction": order, "deed": deed})
        assert done.status_code == 200, done.text

    def stands(self, order: str) -> str:
        found = self.lab.do("/lab/google/heard", package_name=self.package, transaction=order)
        return str(found["state"])


@pytest.fixture
def person(lab: LabServer) -> Iterator[Person]:
    made = Person(lab)
    yield made
    made.http.close()


def test_who_buys_sees_the_token_and_takes_the_money_back_once(person: Person) -> None:
    order = person.buys(account="a<b>", price="1.99")
    shown = person.sees()
    assert "1.99 EUR" in shown
    token = re.findall(r"<code>([^<]+)</code>", shown)[0]
    assert person.stands(token) == "PURCHASED"
    person.presses(order, "refund")
    assert person.stands(order) == "CANCELLED"
    assert person.can(order) == []


@pytest.mark.parametrize(("deed", "state"), [("paid", "PURCHASED"), ("unpaid", "CANCELLED")])
def test_what_waits_for_cash_is_paid_or_lapses(person: Person, deed: str, state: str) -> None:
    order = person.buys(pending="on")
    assert person.can(order) == ["paid", "unpaid"]
    person.presses(order, deed)
    assert person.stands(order) == state


def test_a_subscription_renews_by_its_last_period_and_ends(person: Person) -> None:
    first = person.buys(subscription="on")
    person.presses(first, "renew")
    assert "renew" not in person.can(first)
    person.presses(f"{first}..0", "expire")
    assert "expired" in person.sees()


def test_what_is_typed_wrongly_buys_nothing_and_is_named(person: Person) -> None:
    refused = person.http.post(f"{person.page}/buy", data={"product": "gems", "price": "free"})
    assert refused.status_code == 400
    assert "price" in refused.text
    assert "Nothing yet" in person.sees()


def test_the_page_runs_nothing_and_is_of_no_app_but_its_own(person: Person) -> None:
    person.buys(product="<script>alert(1)</script>")
    shown = person.http.get(person.page)
    assert "<script" not in shown.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    other = Person(person.lab)
    assert "Nothing yet" in other.sees()
    order = person.buys()
    form = {"transaction": order, "deed": "refund"}
    assert other.http.post(f"{other.page}/deeds", data=form).status_code == 404
    assert person.stands(order) == "PURCHASED"
    other.http.close()
    assert person.http.get("/google/no.such.app").status_code == 404
