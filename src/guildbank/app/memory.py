"""How processes keep the garbage collector from stopping requests, and from slowing their start.

Structs that every operation makes some of are declared `gc=False` where they are defined: they are
in no cycle, so the collector need neither count nor walk them.
"""

import gc

# Requests make few cycles, and the default of 700 would walk the young objects after every third
# request. A worker at rest gives the memory back at the next full collection.
YOUNG_OBJECTS = 20_000


def load() -> None:
    """Collect nothing until `settle`: what start-up makes stays, and to walk it again and again
    while modules are imported takes a fifth of the time.
    """
    gc.disable()


def settle() -> None:
    """Put all that start-up made out of the collector's sight; call once it is over.

    Modules, routes and schemas live as long as the process: walking some 300,000 of them again in
    each full collection takes tens of milliseconds, which requests would wait for. It also keeps
    pages shared with the parent that forked, since a collection writes to what it walks.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 10, 10)
    gc.enable()
