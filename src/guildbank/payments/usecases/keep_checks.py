"""Keep what the checks of a payment said, in the commit that they were asked for."""

from collections.abc import Sequence

import msgspec

from guildbank.journal import Stage
from guildbank.kernel import new_id
from guildbank.payments.contracts.rows import Check
from guildbank.payments.store import CHECKS
from guildbank.pipelines import Answer


def keep_checks(stage: Stage, payment_id: str, number: int, answers: Sequence[Answer]) -> None:
    """Put down what was said before attempt `number`; where nobody was asked, nothing."""
    if not answers:
        return
    check = Check(
        id=new_id("chk"),
        payment_id=payment_id,
        number=number,
        answers=msgspec.json.encode(answers).decode(),
        at=stage.now,
    )
    stage.put(CHECKS, check.id, check)
