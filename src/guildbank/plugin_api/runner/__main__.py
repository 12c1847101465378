"""The program inside the wall: `python -m guildbank.plugin_api.runner ENTRY_POINT LIMITS`.

Standard input and output carry the messages; what a plugin prints goes to standard error.
"""

import os
import sys

import msgspec

from guildbank.plugin_api.runner.calls import refuse_calls
from guildbank.plugin_api.runner.inside import run
from guildbank.plugin_api.runner.limits import Limits, hold_to


def main() -> None:
    """Hold this process to its limits, then run the plugin."""
    place, limits = sys.argv[1], msgspec.json.decode(sys.argv[2], type=Limits)
    host_in, host_out = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    hold_to(limits)
    refuse_calls()
    run(place, host_in, host_out)


if __name__ == "__main__":
    main()
