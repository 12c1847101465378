"""Money, ids, clock and refusals: pure values that every room shares."""

from guildbank.kernel.address import MAX_ADDRESS, has_control, parse_address
from guildbank.kernel.clock import Clock, FixedClock, SystemClock
from guildbank.kernel.hosts import is_loopback
from guildbank.kernel.ids import (
    TimedSeq,
    epoch_ms,
    id_of_uuid,
    made_at,
    new_id,
    parse_id,
    parse_seq_id,
    seq_id,
    uuid_of,
)
from guildbank.kernel.money import MAX_AMOUNT, BadAmount, format_money, parse_money
from guildbank.kernel.refusal import Refusal

__all__ = [
    "MAX_ADDRESS",
    "MAX_AMOUNT",
    "BadAmount",
    "Clock",
    "FixedClock",
    "Refusal",
    "SystemClock",
    "TimedSeq",
    "epoch_ms",
    "format_money",
    "has_control",
    "id_of_uuid",
    "is_loopback",
    "made_at",
    "new_id",
    "parse_address",
    "parse_id",
    "parse_money",
    "parse_seq_id",
    "seq_id",
    "uuid_of",
]
