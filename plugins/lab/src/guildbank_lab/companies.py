"""The five companies that the lab plays, on one bench."""

from dataclasses import dataclass
from typing import Self

from guildbank_lab.apple.desk import AppleDesk
from guildbank_lab.bench import Bench
from guildbank_lab.google.desk import GoogleDesk
from guildbank_lab.paypal.desk import Desk
from guildbank_lab.steam.desk import SteamDesk
from guildbank_lab.stripe.desk import StripeDesk

NAMES = ("Stripe", "PayPal", "Apple", "Google", "Steam")


@dataclass(frozen=True, slots=True, kw_only=True)
class Companies:
    """A desk for each company."""

    stripe: StripeDesk
    paypal: Desk
    apple: AppleDesk
    google: GoogleDesk
    steam: SteamDesk

    @classmethod
    def opened(cls, bench: Bench) -> Self:
        """Return all of them, of whom nobody has bought anything yet."""
        return cls(
            stripe=StripeDesk(bench),
            paypal=Desk(bench),
            apple=AppleDesk(bench),
            google=GoogleDesk(bench),
            steam=SteamDesk(bench),
        )
