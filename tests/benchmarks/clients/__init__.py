# SPDX-License-Identifier: Apache-2.0
"""The clients that are compared. Each is a module with ``new_client(job)``, and runs in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

OURS: Final = "ours"
CCXT_SYNC: Final = "ccxt_sync"
CCXT_ASYNC: Final = "ccxt_async"

LABELS: Final[Mapping[str, str]] = {OURS: "ours", CCXT_SYNC: "ccxt sync", CCXT_ASYNC: "ccxt async"}
"""The name of each client's module, and what the tables call it."""
