# SPDX-License-Identifier: Apache-2.0
"""How far away the stand-in exchange seems to be."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Network:
    """The distance between a client and the exchange.

    :param latency: the round trip in seconds; half of it passes before a request arrives, half after.
    :param jitter: up to so many seconds more before a request arrives, drawn anew for each.
    :param connection_round_trips: extra round trips of the first request on every new connection: 2 is about
        what TCP and TLS cost on a real line.
    """

    latency: float = 0.0
    jitter: float = 0.0
    connection_round_trips: float = 0.0

    def __post_init__(self) -> None:
        for one in fields(self):
            if not getattr(self, one.name) >= 0:
                raise ValueError(f"{one.name} is {getattr(self, one.name)!r}; expected is 0 or more")
