"""What is raised, and so told, when a rule is refused."""

NO_FRACTIONS = (
    "Money is counted in whole minor units, never in fractions: write amount_minor * 12 / 10, "
    "which drops the rest, instead of amount_minor * 1.2."
)


class BadRule(Exception):
    """The rule is refused; the message is a sentence that says why."""
