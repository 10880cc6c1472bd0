# SPDX-License-Identifier: Apache-2.0
"""The ways in which an answer is lost or cannot be believed: fault, options, and the seconds that costs by itself."""

from __future__ import annotations

from typing import Any, Final

LOST: Final[list[tuple[str, dict[str, Any], float]]] = [
    ("rate_limit", {"times": 1}, 0.0),
    # Its own duration, and the second for which the last refusal has to be heeded.
    ("rate_limit", {"duration": 3.0}, 4.0),
    ("reset_before", {"times": 1}, 0.0),
    ("reset_after", {"times": 1}, 0.0),
    ("bad_gateway", {"times": 1}, 0.0),
    ("bad_gateway", {"times": 1, "processed": True}, 0.0),
    ("bad_gateway", {"times": 1, "status": 503}, 0.0),
    ("html", {"times": 1}, 0.0),
    ("html", {"times": 1, "processed": True}, 0.0),
    ("truncate", {"times": 1, "clean": True}, 0.0),
    ("truncate", {"times": 1, "clean": False}, 0.0),
    ("hang", {"times": 1, "seconds": 30.0}, 10.0),
    ("hang", {"times": 1, "seconds": 30.0, "processed": True}, 10.0),
    ("hang", {"times": 1, "seconds": 4.0}, 4.0),
    ("slow_drip", {"times": 1, "seconds": 5.0}, 5.0),
    ("slow_drip", {"times": 1, "seconds": 30.0}, 10.0),
]

LOST_IDS: Final = ["-".join([kind, *map(str, options.values())]) for kind, options, _ in LOST]
