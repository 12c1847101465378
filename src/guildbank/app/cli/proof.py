"""How a proof of the books is shown."""

from guildbank.app.cli.screen import say, table
from guildbank.kernel import format_money
from guildbank.ledger.usecases.prove import MoneyProof, Proof


def show(slug: str, proof: Proof) -> None:
    """Print a tenant's proof: sums of assets, law 2 for each money, and unspent coins."""
    verdict = "[green]ok[/]" if proof.ok else "[bold red]does not add up[/]"
    say(f"{slug}: {verdict} at seq {proof.seq} ({proof.accounts} accounts)")
    for problem in proof.problems:
        say(f"  [red]{problem.check}[/] {problem.subject}: {problem.detail}")
    if proof.found > len(proof.problems):
        say(f"  and {proof.found - len(proof.problems)} more")
    rows = [(one.asset, one.kind, one.accounts, one.sum) for one in proof.assets]
    table(("asset", "kind", "accounts", "sum, must be 0"), rows)
    for money in proof.money:
        _show_money(money)
    if proof.unspent:
        unspent = [
            (one.coins, one.currency, one.per_coins, one.price_minor, one.money, one.basis)
            for one in proof.unspent
        ]
        columns = ("unspent paid coins", "currency", "per coins", "price", "money", "value")
        table(columns, unspent, "deferred revenue, in minor units")


def _show_money(money: MoneyProof) -> None:
    left = ("captured", "refunded", "disputed")
    right = (
        "unspent", "recognised", "taxes", "surcharges", "written_off", "unapplied", "refunding",
        "suspense", "other",
    )  # fmt: skip
    there = ("fees", "held")
    rows = [
        (name.replace("_", " "), side, format_money(abs(amount), money.scale), sign)
        for side, names in (("money", left), ("stands for", right), ("at providers", there))
        for name in names
        for amount in (getattr(money, name),)
        for sign in ("-" if amount < 0 else "",)
    ]
    verdict = "holds" if money.holds else "DOES NOT HOLD"
    table(("what", "side", money.money, ""), rows, f"money behind coins: {verdict}")
