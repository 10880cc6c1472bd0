# SPDX-License-Identifier: Apache-2.0
"""Everything that can go wrong on request: which faults there are, and when each of them strikes.

Options that choose orders: ``order_ids`` (named as the request names them), ``count`` (the first so many of
each request), ``fraction`` (each order with that chance); all orders without any of them. Plan orders are chosen
alike, positions by ``BTCUSDT`` or ``BTCUSDT/long`` in ``order_ids``.

A fault belongs to one of three stages. A *condition* is a state of the exchange (its clock, its language,
books that lag). A *wire* fault decides what becomes of a request or its answer as a whole. An *orders* fault
decides what becomes of single orders or positions in a write, or what the answer says of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from airflow_provider_bitget.sandbox.request import Request

Stage = Literal["condition", "wire", "orders"]

CANCEL_ENDPOINTS = frozenset(
    {
        "batch-cancel-orders",
        "cancel-order",
        "cancel-all-orders",
        "cancel-plan-order",
        # Of unified accounts, where a cancel-order exists as well.
        "cancel-batch",
        "cancel-symbol-order",
        "cancel-strategy-order",
    }
)
WRITE_ENDPOINTS = CANCEL_ENDPOINTS | {"close-positions"}
ANY_ENDPOINT: frozenset[str] = frozenset()
WHICH_ORDERS: Mapping[str, Any] = {"order_ids": None, "count": None, "fraction": None}


@dataclass(frozen=True)
class FaultKind:
    """A kind of fault.

    :param name: what it is injected by.
    :param stage: where it acts.
    :param summary: what it does.
    :param options: its options with their defaults.
    :param endpoints: the last parts of the paths that it can strike; empty for any.
    """

    name: str
    stage: Stage
    summary: str
    options: Mapping[str, Any] = field(default_factory=dict)
    endpoints: frozenset[str] = ANY_ENDPOINT


_KINDS = (
    FaultKind("rate_limit", "wire", "refused with 429, not processed"),
    FaultKind("reset_before", "wire", "connection reset, not processed"),
    FaultKind("reset_after", "wire", "processed, connection reset instead of an answer"),
    FaultKind("bad_gateway", "wire", "a gateway's HTML error page", {"processed": False, "status": 502}),
    FaultKind("truncate", "wire", "processed, JSON cut; clean=False closes early", {"clean": True}),
    FaultKind("hang", "wire", "silence, then the answer or a reset", {"processed": False, "seconds": 30.0}),
    FaultKind("slow_drip", "wire", "processed, answer dripped over some seconds", {"seconds": 5.0}),
    FaultKind(
        "refuse",
        "wire",
        "refused as a whole with a code",
        {"code": "40015", "msg": None, "status": 400, "processed": False},
    ),
    FaultKind("html", "wire", "an HTML page with status 200", {"processed": False, "status": 200}),
    FaultKind(
        "refuse_orders",
        "orders",
        "orders stay open and are listed as failed; code=None leaves the code out",
        {**WHICH_ORDERS, "code": "40015", "msg": None},
        WRITE_ENDPOINTS,
    ),
    FaultKind("drop_ids", "orders", "ids left out of the answer", {**WHICH_ORDERS, "processed": True}, WRITE_ENDPOINTS),
    FaultKind("empty_lists", "orders", "00000 with nothing in the lists", {"processed": True}, WRITE_ENDPOINTS),
    FaultKind(
        "foreign_ids",
        "orders",
        "lists name ids that were never sent; where is success, failure or both",
        {"count": 1, "where": "success", "replace": False},
        WRITE_ENDPOINTS,
    ),
    FaultKind(
        "duplicate_ids",
        "orders",
        "ids twice; where is success (twice in that list) or both (in both lists)",
        {"where": "success"},
        WRITE_ENDPOINTS,
    ),
    FaultKind(
        "fill_while_cancelling",
        "orders",
        "orders fill, plan orders trigger instead",
        dict(WHICH_ORDERS),
        CANCEL_ENDPOINTS,
    ),
    FaultKind("ack_only", "orders", "success, yet still open", dict(WHICH_ORDERS), WRITE_ENDPOINTS),
    FaultKind("clock", "condition", "the exchange's clock is off", {"offset": 60.0}),
    FaultKind("chinese", "condition", "error texts in Chinese whatever the locale"),
    FaultKind(
        "lagging_book",
        "condition",
        "lists of open orders and plan orders still show ended ones for a time",
        {"seconds": 2.0},
        frozenset({"orders-pending", "orders-plan-pending", "unfilled-orders", "unfilled-strategy-orders"}),
    ),
    FaultKind(
        "late_history",
        "condition",
        "lists of ended orders and plan orders, details and children of plan orders know an ended one only later",
        {"seconds": 2.0},
        frozenset(
            {
                "orders-history",
                "detail",
                "orders-plan-history",
                "plan-sub-order",
                "history-orders",
                "order-info",
                "history-strategy-orders",
                "strategy-sub-orders",
            }
        ),
    ),
)
KINDS: Mapping[str, FaultKind] = {kind.name: kind for kind in _KINDS}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_OPTION_CHECKS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "processed": ("True or False", lambda value: isinstance(value, bool)),
    "clean": ("True or False", lambda value: isinstance(value, bool)),
    "replace": ("True or False", lambda value: isinstance(value, bool)),
    "seconds": ("a number of seconds, 0 or more", lambda value: _is_number(value) and value >= 0),
    "offset": ("a number of seconds", _is_number),
    "status": ("an HTTP status", lambda value: _is_count(value) and 200 <= value <= 599),
    "code": ("a code as text, or None", lambda value: value is None or isinstance(value, str)),
    "msg": ("text, or None", lambda value: value is None or isinstance(value, str)),
    "where": ("success, failure or both", lambda value: value in ("success", "failure", "both")),
    "count": ("a whole number, or None", lambda value: value is None or _is_count(value)),
    "fraction": ("0 to 1, or None", lambda value: value is None or (_is_number(value) and 0 <= value <= 1)),
    "order_ids": ("a list of ids, or None", lambda value: value is None or _is_id_list(value)),
}


def _is_id_list(value: Any) -> bool:
    return isinstance(value, list | tuple | set | frozenset) and all(isinstance(one, str) for one in value)


@dataclass(frozen=True)
class Effect:
    """A kind of fault together with its options, ready to act.

    :param kind: the kind.
    :param options: all its options.
    """

    kind: FaultKind
    options: Mapping[str, Any]

    def applies_to(self, request: Request) -> bool:
        """Return whether the effect can act on a request.

        :param request: the request as received.
        """
        if self.kind.endpoints and request.endpoint not in self.kind.endpoints:
            return False
        wanted = self.options.get("order_ids")
        # A request without ids cancels a whole scope, and so may well reach the wanted orders.
        return wanted is None or not request.named_ids or not set(wanted).isdisjoint(request.named_ids)

    def selects(self, ids: Sequence[tuple[str, str]], chance: random.Random) -> set[int]:
        """Return the positions of the orders that the effect acts on.

        :param ids: the order id and the clientOid of each order in the request.
        :param chance: the source of random numbers.
        """
        positions = list(range(len(ids)))
        if self.options.get("order_ids") is not None:
            wanted = set(self.options["order_ids"])
            positions = [position for position in positions if not wanted.isdisjoint(ids[position])]
        if self.options.get("fraction") is not None:
            positions = [one for one in positions if chance.random() < self.options["fraction"]]
        if self.options.get("count") is not None:
            positions = positions[: self.options["count"]]
        return set(positions)


def new_effect(kind: str, options: Mapping[str, Any]) -> Effect:
    """Return an effect after checking its name and its options.

    :param kind: the name of a kind.
    :param options: options that differ from the kind's defaults.
    :raises ValueError: for an unknown kind or option, with the list of the known; for a bad value.
    """
    found = KINDS.get(kind)
    if found is None:
        raise ValueError(f"unknown fault {kind!r}; known are {', '.join(KINDS)}")
    unknown = sorted(set(options) - set(found.options))
    if unknown:
        known = ", ".join(found.options) or "none"
        raise ValueError(f"fault {kind} has no option {', '.join(unknown)}; known are: {known}")
    for name, value in options.items():
        expected, fits = _OPTION_CHECKS[name]
        if not fits(value):
            raise ValueError(f"option {name} of fault {kind} is {value!r}; expected is {expected}")
    return Effect(found, {**found.options, **options})


class Fault:
    """One or more effects that wait for their requests.

    :param effects: what may happen; one is drawn where there are several.
    :param endpoint: the last part of a path, None for any.
    :param after: how many matching requests to let pass first.
    :param times: how many requests to strike, None for no end.
    :param duration: seconds from the first match on during which it strikes, None for no end.
    :param probability: chance for each matching request, 0 to 1.
    :param chance: the source of random numbers.
    """

    def __init__(
        self,
        effects: Sequence[Effect],
        *,
        endpoint: str | None,
        after: int,
        times: int | None,
        duration: float | None,
        probability: float,
        chance: random.Random,
    ) -> None:
        self.effects = tuple(effects)
        self.endpoint = endpoint
        self.fired = 0
        stages = [effect.kind.stage for effect in self.effects]
        # A random fault may mix wire and orders; it is drawn once, with the wire's.
        self.stage: Stage = "wire" if "wire" in stages else stages[0]
        self._after = after
        self._times = times
        self._duration = duration
        self._probability = probability
        self._chance = chance
        self._seen = 0
        self._first_match: float | None = None

    def strike(self, request: Request, now: float) -> Effect | None:
        """Return what happens to a request, None where this fault leaves it alone.

        :param request: the request as received.
        :param now: seconds of the monotonic clock.
        """
        if self.endpoint not in (None, request.endpoint):
            return None
        effects = [effect for effect in self.effects if effect.applies_to(request)]
        if not effects:
            return None
        self._seen += 1
        if self._seen <= self._after or self._is_over(now) or self._chance.random() >= self._probability:
            return None
        self.fired += 1
        return self._chance.choice(effects)

    def _is_over(self, now: float) -> bool:
        if self._first_match is None:
            self._first_match = now
        if self._times is not None and self.fired >= self._times:
            return True
        return self._duration is not None and now - self._first_match >= self._duration


class FaultPlan:
    """The faults that are waiting, in the order in which they were injected.

    :param endpoints: the last parts of the paths that exist.
    :param seed: seed of what is drawn at random.
    """

    def __init__(self, endpoints: Iterable[str], seed: int = 0) -> None:
        self._endpoints = frozenset(endpoints)
        self._seed = seed
        self._faults: list[Fault] = []

    def inject(
        self,
        kind: str,
        *,
        endpoint: str | None = None,
        after: int = 0,
        times: int | None = None,
        duration: float | None = None,
        probability: float = 1.0,
        **options: Any,
    ) -> Fault:
        """Add a fault; see :meth:`Exchange.inject`."""
        effect = new_effect(kind, options)
        self._check_endpoint(endpoint, [effect])
        return self._add([effect], endpoint, after, times, duration, probability, self._seed)

    def inject_random(
        self,
        probability: float,
        kinds: Sequence[str | tuple[str, Mapping[str, Any]]] | None = None,
        *,
        seed: int | None = None,
        endpoint: str | None = None,
        after: int = 0,
        times: int | None = None,
        duration: float | None = None,
    ) -> Fault:
        """Add a fault that draws its kind anew each time; see :meth:`Exchange.inject_random`."""
        if kinds is None:
            kinds = [kind.name for kind in _KINDS if kind.stage != "condition"]
        named = [(kind, {}) if isinstance(kind, str) else (kind[0], kind[1]) for kind in kinds]
        effects = [new_effect(name, options) for name, options in named]
        conditions = [effect.kind.name for effect in effects if effect.kind.stage == "condition"]
        if not effects or conditions:
            listed = ", ".join(conditions) or "no kind at all"
            raise ValueError(f"{listed} cannot be drawn at random; use inject(kind, probability=...)")
        self._check_endpoint(endpoint, effects)
        seed = self._seed if seed is None else seed
        return self._add(effects, endpoint, after, times, duration, probability, seed)

    def clear(self) -> None:
        """Forget all faults."""
        self._faults.clear()

    def strikes(self, request: Request, now: float, stage: Stage) -> Iterator[Effect]:
        """Yield what the faults of one stage do to a request; a fault that isn't reached stays unused.

        :param request: the request as received.
        :param now: seconds of the monotonic clock.
        :param stage: the stage that the request has reached.
        """
        for fault in self._faults:
            struck = fault.strike(request, now) if fault.stage == stage else None
            if struck is not None:
                yield struck

    def _check_endpoint(self, endpoint: str | None, effects: Sequence[Effect]) -> None:
        if endpoint is None:
            return
        if endpoint not in self._endpoints:
            raise ValueError(f"unknown endpoint {endpoint!r}; known are {', '.join(sorted(self._endpoints))}")
        if not any(endpoint in (effect.kind.endpoints or self._endpoints) for effect in effects):
            names = ", ".join(effect.kind.name for effect in effects)
            raise ValueError(f"fault {names} cannot strike {endpoint}")

    def _add(
        self,
        effects: Sequence[Effect],
        endpoint: str | None,
        after: int,
        times: int | None,
        duration: float | None,
        probability: float,
        seed: int,
    ) -> Fault:
        if not (_is_number(probability) and 0 <= probability <= 1):
            raise ValueError(f"probability is {probability!r}; expected is 0 to 1")
        if not _is_count(after) or (times is not None and not _is_count(times)):
            raise ValueError("after and times are whole numbers, 0 or more")
        if duration is not None and not (_is_number(duration) and duration >= 0):
            raise ValueError(f"duration is {duration!r}; expected is a number of seconds, 0 or more")
        fault = Fault(
            effects,
            endpoint=endpoint,
            after=after,
            times=times,
            duration=duration,
            probability=probability,
            # Each fault draws from a source of its own, so that adding one does not change the others.
            chance=random.Random(f"{seed}/{len(self._faults)}"),  # noqa: S311 - reproducible on purpose
        )
        self._faults.append(fault)
        return fault
