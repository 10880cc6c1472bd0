# SPDX-License-Identifier: Apache-2.0
"""Where the ids of orders and plan orders come from."""

from __future__ import annotations

# Every id is odd and far from the next, so that one that went through a float names no order at all: at this
# size a float holds only multiples of 256.
FIRST_ORDER_ID = 1_329_948_909_442_023_425
ORDER_ID_STEP = 104_730


class OrderIds:
    """Ids that grow, never the same one twice on one exchange."""

    def __init__(self) -> None:
        self.count = 0

    def next(self) -> str:
        """Return an id of 19 digits; ``count`` tells how many there have been."""
        self.count += 1
        return str(FIRST_ORDER_ID + self.count * ORDER_ID_STEP)
