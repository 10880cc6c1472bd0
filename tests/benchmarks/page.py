# SPDX-License-Identifier: Apache-2.0
"""The page that a run writes: what was measured, how, and what came of it."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from tests.benchmarks.bars import MOST_FLOORS as MOST_LIST_FLOORS
from tests.benchmarks.bars import bars_of, bars_table, met
from tests.benchmarks.cell import SETTLING_SECONDS, Measurement
from tests.benchmarks.exchange_process import cores
from tests.benchmarks.faults import FaultFinding, fault_table
from tests.benchmarks.flatten import MOST_FLOORS, PLAN_ORDERS, POSITIONS, SETTING, FlattenFinding, flatten_table
from tests.benchmarks.floor import CANCEL_ENDPOINTS
from tests.benchmarks.speed import speed_table
from tests.benchmarks.unified import is_met, unified_table

_HEAD = """\
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!-- Written by `make bench`. -->
# Benchmarks

This provider beside [ccxt](https://github.com/ccxt/ccxt), synchronous and asynchronous, in one run on one machine. Both
cancel the same lists of resting futures orders at the sandbox of this package: it checks signatures, takes at most 50
ids in a request, and refuses more than 10 requests a second of one user to one endpoint. That is a classic account;
[unified accounts](#unified-accounts) have a table of their own. No call was made to Bitget, whose limiter's true shape
is not public. Absolute times carry the machine's noise; there is one run per cell.

{facts}
"""

_METHOD = """\
## How it is measured

- Each cell is a fresh exchange and a fresh client, each a process on a core of its own; cells run one after the other.
- **ours** is `BatchCancel` with `verify=True`: the list is parsed, cancelled, read back and reported.
- **ccxt** runs at its defaults (`enableRateLimit` on, no retries) in the loop that its user would write: groups of 50
  through `cancel_orders(ids, symbol)`, an exception is noted and the loop goes on; asynchronous with `asyncio.gather`
  over all groups. Its one market is set by hand, so that `load_markets` is not charged.
- **wall** and **CPU** (user and system, all threads) run from the call to the report; importing, making the client and
  closing it are left out. **peak** is the highest resident memory above that of the same process once it had imported
  the client and held the list.
- **floor** is `max(0, (requests - 10) / 10)` seconds and two round trips, with `requests = ceil(orders / 50)`: what the
  limit lets through, then the last cancel and the read that proves it. ccxt does not read, yet its floor is the same.
- **429s** are counted by the exchange, over all its endpoints.
- **left open** is counted in the exchange's books, {settling:g} s after the report.
- **misreported** are orders of which the client says what the books don't, or says nothing at all; ids that nobody
  asked for count too. ccxt says "cancelled" of what it returns; of an order that is in no answer and no exception it
  says nothing. Of a call that raised it says nothing wrong: its orders are **unknown**, as are those that our report
  calls `unresolved` for want of an answer.
- Ratios below 1 together with orders left open mean that orders were lost, not speed.
"""

_UNIFIED = """\
## Unified accounts

The same as **ours** above on a unified account, whose `{endpoint}` takes {orders} ids in a request and {per_second}
requests a second. Only this provider was measured here. Such an account has at most 400 open orders; for longer lists
the sandbox's cap is lifted.

- **floor** is `max(0, (requests - {per_second}) / {per_second})` seconds and two round trips, with
  `requests = ceil(orders / {orders})`.
- **× floor** is **wall**, measured as above and thus with the read that proves it, divided by this floor.
- **cancels** are the requests to `{endpoint}`, **all** those to any endpoint, as the exchange counted them.
- **account_mode** is what the connection says. With `auto` the client begins as on a classic account and goes on as
  soon as the exchange has refused that: this row tells what it costs, and has no bar.
- The **bar** is at most {most:g} × floor, no 429, none left, none misreported.
"""  # noqa: RUF001

_FAULTS = """\
## What goes wrong

500 orders at 20 ms; what strikes one batch strikes the fourth that arrives. A report is **exact** if it says of every
order what the books say, and leaves none unknown. **longer** is the wall time less that of the same client without the
fault (**without**), less the **fault's own** duration: how long it keeps a client waiting, a hang at most the 10 s that
all three wait for an answer; 0 at least. The bar, for ours: exact, nothing left open but what the exchange refuses for
good, and at most 3 s longer, 5 s where a whole batch has to be looked up.
"""


_FLATTEN = """\
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!-- Written by `make bench`. -->
# Benchmark of the end of the day

One account is flattened on `trading/` without Airflow, against the sandbox of this package over real HTTP: {orders}
orders on three symbols, {plans} plan orders of all seven types, {positions} positions, {latency} ms of round trip,
limits as documented, `settle` 0, one product type, 730 days of lookback. No call was made to Bitget. There is one run.

{facts}

- Between two phases lies the limits' window, as between two tasks: it is no part of the times.
- **calls** are counted by the exchange.
- **steps** are calls of which each began after the one before had ended.
- **floor** of a phase is `max(0, (calls - limit) / limit)` seconds of its busiest endpoint, and a round trip per step.
- The **bar** is {most:g} times the sum of the floors, nothing left, no 429.

{table}

{left} left in the exchange's books, {refused} 429s, the proof says {word}, {ratio:.2f} times the floor: **{met}**.

A poke of the flat sensor is two reads of orders, three of plan orders and one of positions; more only where a page is
full or the lookback asks.
"""


def page_of(
    measurements: Sequence[Measurement], unified: Sequence[Measurement], findings: Sequence[FaultFinding], facts: str
) -> str:
    """Return the page.

    :param measurements: speed and memory.
    :param unified: speed on unified accounts.
    :param findings: faults.
    :param facts: when, with which versions and on what it was measured.
    """
    bars = bars_of(measurements)
    judged = [*(one.is_met for one in bars), *map(is_met, unified), *(one.is_met for one in findings)]
    tried = [one for one in judged if one is not None]
    parts = [
        _HEAD.format(facts=facts),
        f"Of the {len(tried)} bars that were measured, **{sum(tried)} are met**.\n",
        _METHOD.format(settling=SETTLING_SECONDS),
        f"## Speed and memory\n\n{speed_table(measurements)}\n",
        f"## The bars\n\n{bars_table(bars)}\n",
        f"{_unified_method()}\n{unified_table(unified)}\n",
        f"{_FAULTS}\n{fault_table(findings)}\n",
    ]
    return "\n".join(parts)


def flatten_page_of(finding: FlattenFinding, facts: str) -> str:
    """Return the page of the end of the day.

    :param finding: what was measured.
    :param facts: when, with which versions and on what.
    """
    return _FLATTEN.format(
        orders=SETTING.orders,
        plans=PLAN_ORDERS,
        positions=len(POSITIONS),
        latency=SETTING.latency_ms,
        facts=facts,
        most=MOST_FLOORS,
        table=flatten_table(finding),
        left=finding.left or "Nothing",
        refused=finding.refused_429 or "no",
        word="flat" if finding.is_called_flat else "not flat",
        ratio=finding.wall / finding.floor,
        met=met(finding.is_met).strip("*"),
    )


def _unified_method() -> str:
    endpoint = CANCEL_ENDPOINTS["unified"]
    return _UNIFIED.format(
        endpoint=endpoint.name, orders=endpoint.orders, per_second=endpoint.per_second, most=MOST_LIST_FLOORS
    )


def facts_of_this_run(*others: str) -> str:
    """Return when, with which versions and on what this run measures.

    :param others: distributions that take part beside this one.
    """
    exchange, client = cores()
    pinned = "one for the exchange, another for the client" if exchange != client else "not one each: timings suffer"
    return "\n".join(
        (
            f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            "- " + ", ".join(f"{name} {version(name)}" for name in ("airflow-provider-bitget", *others)),
            f"- {platform.python_implementation()} {platform.python_version()}, {platform.system()} "
            f"{platform.machine()}, {os.cpu_count()} cores ({pinned})",
        )
    )
