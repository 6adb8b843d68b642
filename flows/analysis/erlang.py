"""How many people a desk needs: Erlang C, the queue of many servers in which nobody hangs up (M/M/c).

Contacts come at random (Poisson) at `contacts` an hour, each is work for `handling` minutes on average, so that the load is A = contacts × handling / 60
Erlang. With N people free for them (N > A), the share of contacts that wait at all is

    C(N, A) = N B / (N − A (1 − B)),     B(0) = 1,  B(n) = A B(n − 1) / (n + A B(n − 1))

(B: Erlang B by its recursion, which neither overflows nor cancels), and the share begun within t minutes is 1 − C exp(−(N − A) t / handling).
Source: R package ErlangC 0.1.0, its documentation and example; Wolfram Language, ErlangC, "Properties & Relations" (C out of B).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


def agents_needed(contacts: Numbers, handling: Numbers, share: Numbers, within: Numbers) -> Numbers:
    """The smallest number of people with whom at least `share` (0 to under 1) of the contacts is begun `within` so many minutes.

    contacts an hour, handling in minutes; arrays of one length. Nobody is needed where nobody comes. nan: an input is missing, or no number of people
    does (share of 1 and more, handling of nothing).
    """
    load = contacts * handling / 60
    possible = (load >= 0) & (handling > 0) & (share >= 0) & (share < 1) & (within >= 0)
    found = np.where(possible & (load == 0), 0.0, np.nan)
    open_ones = possible & (load > 0)
    blocked = np.ones_like(load)
    agents = 0
    while open_ones.any():
        agents += 1
        blocked[open_ones] = load[open_ones] * blocked[open_ones] / (agents + load[open_ones] * blocked[open_ones])
        reached = open_ones & (agents > load)
        reached[reached] = _begun_in_time(agents, load[reached], blocked[reached], handling[reached], within[reached]) >= share[reached]
        found[reached] = agents
        open_ones &= ~reached
    return found


def waiting_share(agents: int, load: Numbers, blocked: Numbers) -> Numbers:
    """C(N, A) out of B(N, A)."""
    return agents * blocked / (agents - load * (1 - blocked))


def _begun_in_time(agents: int, load: Numbers, blocked: Numbers, handling: Numbers, within: Numbers) -> Numbers:
    return 1 - waiting_share(agents, load, blocked) * np.exp(-(agents - load) * within / handling)
