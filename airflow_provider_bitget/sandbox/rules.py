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
    "unified_mode": ("unified", "hybrid", "upgrading", "switching"),
    "unified_live": ("live", "new"),
    "unified_canceled": ("cancelled", "canceled"),
    "one_way_pos_side": ("side", "empty"),
    "success_item_code": ("", "00000", "0"),
    "empty_list": ("list", "null"),
    "nothing_to_cancel": ("empty", "null", "25204"),
    "gone_strategy_code": ("25597", "25204"),
    "strategy_default": ("all", "tpsl"),
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
        the whole batch with 43001 (25204 on a unified account), or ``refuse_ended`` (as ``refuse``, for filled and
        cancelled orders too). Tests in public client libraries accept both the first and the second.
    :param pending_returns: what orders-pending returns without ``status``: ``live`` orders only (the page's
        English text) or ``all`` open ones (its Chinese text).
    :param cancel_too_often: whether a second cancel of an order within one second gets 45129 (25004 on a unified
        account).
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
    :param unified_mode: what the settings of a unified account call its mode: its two modes, or on its way into
        or out of them (https://www.bitget.com/api-doc/uta/account/Get-Account-Setting).
    :param unified_gone_code: ``gone_code`` of unified accounts; samples of answers show 24056 as well
        (https://www.bitget.com/api-doc/uta/trade/Cancel-All-Order).
    :param unified_live: the ``orderStatus`` of a live order: ``live`` (created) or ``new`` (matching).
    :param unified_canceled: how ``orderStatus`` spells a cancelled order.
    :param one_way_pos_side: ``posSide`` of orders in one-way mode: the ``side`` of the position, or ``empty``.
    :param success_item_code: the code of an item that succeeded; empty for neither code nor msg, as the pages say.
    :param empty_list: whether an empty list of a unified account is a ``list`` or ``null``.
    :param too_many_code: the refusal of a cancel-batch with more than 20 items, or items of several categories.
    :param nothing_to_cancel: how cancel-symbol-order says that nothing is open: an ``empty`` list, ``null`` in its
        place, or a refusal with 25204. No recorded answer tells.
    :param open_order_cap: how many open futures orders a unified account takes, 0 for any number
        (https://www.bitget.com/api-doc/uta/trade/Get-Order-Pending).
    :param unfilled_days: how old an order may be that unfilled-orders shows unasked for times, in days; 0 for any
        age.
    :param strategy_default: which strategy orders lists without ``type`` show: ``all``, or ``tpsl`` only.
    :param strategy_trigger: whether the lists know ``type=trigger``; the page knows ``tpsl`` only
        (https://www.bitget.com/api-doc/uta/strategy/Get-Unfilled-Strategy-Orders).
    :param strategy_status: whether rows of strategy orders have a ``status``; recorded ones have, the page's not.
    :param strategy_details: whether they have ``type``, ``side`` and ``reduceOnly`` too.
    :param strategy_cursor: whether history-strategy-orders has a ``cursor``; the page's sample has none.
    :param strategy_children: whether strategy-sub-orders exists; no page shows it, client libraries call it
        (https://github.com/sieblyio/bitget-api).
    :param gone_strategy_code: code for a strategy order that is unknown, triggered or cancelled already.
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
    unified_mode: str = "unified"
    unified_gone_code: str = "25204"
    unified_live: str = "live"
    unified_canceled: str = "cancelled"
    one_way_pos_side: str = "side"
    success_item_code: str = ""
    empty_list: str = "list"
    too_many_code: str = "25200"
    nothing_to_cancel: str = "25204"
    open_order_cap: int = 400
    unfilled_days: int = 0
    strategy_default: str = "all"
    strategy_trigger: bool = True
    strategy_status: bool = True
    strategy_details: bool = False
    strategy_cursor: bool = True
    strategy_children: bool = True
    gone_strategy_code: str = "25597"
    clock_offset: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for lag in ("position_lag", "close_lag"):
            if not getattr(self, lag) >= 0:
                raise ValueError(f"{lag} is {getattr(self, lag)!r}; expected is a number of seconds, 0 or more")
        for number in ("open_order_cap", "unfilled_days"):
            if not getattr(self, number) >= 0:
                raise ValueError(f"{number} is {getattr(self, number)!r}; expected is a whole number, 0 or more")
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
