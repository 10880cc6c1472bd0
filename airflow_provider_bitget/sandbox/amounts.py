# SPDX-License-Identifier: Apache-2.0
"""Sizes of orders and positions: exact decimals inside, text on the wire."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

ZERO = Decimal(0)


def amount_of(text: str) -> Decimal:
    """Return the number that a text of the sandbox's owner stands for.

    :param text: such as ``1.5``, in units of the base coin.
    :raises ValueError: where it is no number above zero.
    """
    try:
        amount = Decimal(text)
    except (InvalidOperation, TypeError, ValueError):
        amount = ZERO
    if not amount.is_finite() or amount <= 0:
        raise ValueError(f"{text!r} is no size; expected is text such as '1.5', above zero")
    return amount


def text_of_amount(amount: Decimal) -> str:
    """Return an amount as the exchange writes it: without an exponent and without trailing zeros.

    :param amount: the amount.
    """
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
