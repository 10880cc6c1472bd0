# SPDX-License-Identifier: Apache-2.0
"""How the stand-in exchange behaves where the public sources leave room or contradict each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from airflow_provider_bitget.sandbox.amounts import amount_of

CHOICES: Mapping[str, tuple[str, ...]] = {
    "limiter": ("sliding", "fixed", "bucket", "off"),
    "omit_error_code": ("none", "all", "random"),
    "unknown_id": ("list", "refuse", "refuse_ended"),
    "pending_returns": ("live", "all"),
    "unknown_key_code": ("40037", "40006"),
    "history_time": ("cTime", "uTime"),
    "cancel_track_plan": ("accept", "as_moving_plan"),
    "no_plan_code": ("22001", "43025"),
    "plan_end_id": ("full_pages", "always", "never"),
    "triggered_child": ("rests", "fills", "fails"),
    "locked_positions": ("refuse", "remainder"),
    "locked_code": ("40746", "40867", "40939"),
    "flash_close_code": ("40888", "45104"),
}


@dataclass(frozen=True)
class Rules:
    """The exchange's behaviour. Every default is the stricter or the better attested one.

    :param limiter: shape of the limit per user and endpoint: ``sliding`` (any one second), ``fixed`` (each
        second of the clock), ``bucket`` (tokens that refill evenly), ``off``.
    :param limits: requests per second by the last part of a path, where they differ from the documented ones.
    :param count_refused: whether a refused request counts in the window too; the public sources don't say.
    :param gone_code: code for an order that is unknown, filled or cancelled already (43001 in recorded
        answers).
    :param omit_error_code: which entries of failureList lack ``errorCode``: ``none``, ``all`` or ``random``.
        The page's own sample lacks it (https://www.bitget.com/api-doc/contract/trade/Batch-Cancel-Orders).
    :param unknown_id: what an id without an order does to its batch: ``list`` it in failureList, ``refuse``
        the whole batch with 43001, or ``refuse_ended`` (as ``refuse``, for filled and cancelled orders too).
        Tests in public client libraries accept both the first and the second.
    :param pending_returns: what orders-pending returns without ``status``: ``live`` orders only (the page's
        English text) or ``all`` open ones (its Chinese text).
    :param cancel_too_often: whether a second cancel of an order within one second gets 45129.
    :param unknown_key_code: answer to an unknown key: 40037 (recorded) or 40006 (documented).
    :param history_time: which time of an order ``startTime`` and ``endTime`` of orders-history mean.
    :param cancel_track_plan: how ``track_plan`` orders are cancelled: ``accept`` that planType as it is, or only
        ``as_moving_plan``; the page's list of planTypes lacks it, while client libraries send it
        (https://www.bitget.com/api-doc/contract/plan/Cancel-Plan-Order).
    :param no_plan_code: answer to a cancel of every plan order of a scope that has none.
    :param plan_end_id: which answers of orders-plan-pending have the key ``endId``: ``full_pages`` only (a
        recorded short page has none), ``always`` (the page) or ``never``; an empty list always has it.
    :param triggered_child: what becomes of the order that a trigger places: it ``rests``, ``fills`` at once, or
        the trigger ``fails`` and places none.
    :param fills_make_positions: whether filled orders that open make positions.
    :param position_lag: seconds until reads and closes know what a fill added to a position.
    :param close_lag: seconds until a market close order fills; it is live meanwhile.
    :param locked_positions: what a flash close does to a position of which live close orders hold a part:
        ``refuse`` it, or close the ``remainder`` (the page; with nothing remaining it is refused as well).
    :param locked_code: the code of that refusal.
    :param flash_close_maximum: the largest position by symbol that a flash close takes, in units of the base
        coin as text.
    :param flash_close_code: the code for a position above it.
    :param clock_offset: seconds by which the exchange's clock is ahead of the machine's.
    :param seed: seed of everything that is drawn at random.
    """

    limiter: str = "sliding"
    limits: Mapping[str, int] = field(default_factory=dict)
    count_refused: bool = False
    gone_code: str = "43001"
    omit_error_code: str = "none"
    unknown_id: str = "list"
    pending_returns: str = "live"
    cancel_too_often: bool = True
    unknown_key_code: str = "40037"
    history_time: str = "cTime"
    cancel_track_plan: str = "accept"
    no_plan_code: str = "22001"
    plan_end_id: str = "full_pages"
    triggered_child: str = "rests"
    fills_make_positions: bool = False
    position_lag: float = 0.0
    close_lag: float = 0.0
    locked_positions: str = "refuse"
    locked_code: str = "40746"
    flash_close_maximum: Mapping[str, str] = field(default_factory=dict)
    flash_close_code: str = "40888"
    clock_offset: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for lag in ("position_lag", "close_lag"):
            if not getattr(self, lag) >= 0:
                raise ValueError(f"{lag} is {getattr(self, lag)!r}; expected is a number of seconds, 0 or more")
        for maximum in self.flash_close_maximum.values():
            amount_of(maximum)
        for name, allowed in CHOICES.items():
            value = getattr(self, name)
            if value not in allowed:
                raise ValueError(f"{name} is {value!r}; known are {', '.join(allowed)}")

    def changed(self, changes: Mapping[str, Any]) -> Rules:
        """Return these rules with some of them replaced.

        :param changes: new values by the rule's name.
        :raises ValueError: for a name that is no rule, with the list of those that are.
        """
        known = [rule.name for rule in fields(self)]
        unknown = sorted(set(changes) - set(known))
        if unknown:
            raise ValueError(f"unknown option {', '.join(unknown)}; known are {', '.join(known)}")
        return replace(self, **changes)
