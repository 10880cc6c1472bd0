# SPDX-License-Identifier: Apache-2.0
"""How fast an endpoint is asked, and how refusals slow that down.

Plain values: the limiter of one process keeps them in memory, the limiter that many workers share keeps them in its
store. Moments are seconds of one clock, whichever it is; only their differences mean anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

WINDOW_SECONDS: Final = 1.03
"""A second as the exchange counts it, and room for jitter."""

REFUSED_PAUSE_SECONDS: Final = 1.0
"""How long an endpoint rests after a 429."""

BAN_SECONDS: Final = 10.0
"""429 on every attempt for this long, at one request a second, is taken for a ban of the address."""

NEVER: Final = float("-inf")


@dataclass(frozen=True, slots=True)
class Window:
    """What a limit comes to.

    :param limit: requests per second.
    :param most: requests that fit into a window.
    :param milliseconds: the window's length.
    """

    limit: float
    most: int
    milliseconds: int

    @classmethod
    def of(cls, limit: float) -> Window:
        """Return the window of a limit; below one request a second the window grows."""
        if limit >= 1:
            return cls(limit, int(limit), round(WINDOW_SECONDS * 1000))
        return cls(limit, 1, round(WINDOW_SECONDS * 1000 / limit))

    @property
    def seconds(self) -> float:
        """The window's length in seconds."""
        return self.milliseconds / 1000


@dataclass(frozen=True, slots=True)
class Pace:
    """Requests per window that are admitted at present, and since when.

    :param current: requests per window.
    :param rest_until: before this moment none is admitted.
    :param changed: when ``current`` changed last.
    :param last_refused: when a request was refused last.
    :param slowest_since: since when every request was refused at one per window; ``None`` if that is not so.
    """

    current: int
    rest_until: float = NEVER
    changed: float = NEVER
    last_refused: float = NEVER
    slowest_since: float | None = None

    def after_refusal(self, now: float, window: Window, jitter: float = 0.0) -> Pace:
        """Return the pace after a 429: halved (once per window, however many refusals it brings), and at rest.

        :param jitter: how much longer than usual to rest, as a share of a window.
        """
        current, changed = self.current, self.changed
        if now - changed >= window.seconds or current >= window.most:
            current, changed = max(1, min(current, window.most) // 2), now
        # Refusals that lie apart are single ones, not a ban.
        begins_anew = self.slowest_since is None or now - self.last_refused >= BAN_SECONDS
        return Pace(
            current=current,
            rest_until=now + REFUSED_PAUSE_SECONDS + jitter * window.seconds,
            changed=changed,
            last_refused=now,
            slowest_since=now if current == 1 and begins_anew else self.slowest_since,
        )

    def after_answer(self, now: float, window: Window, jitter: float = 0.0) -> Pace:
        """Return the pace after an answer that was no refusal: a step up after a window without one.

        :param jitter: how much longer than a window it has to be, as a share of a window.
        """
        pace = self if self.slowest_since is None else replace(self, slowest_since=None)
        quiet_since = max(pace.changed, pace.last_refused)
        if pace.current >= window.most or now - quiet_since < window.seconds * (1 + jitter):
            return pace
        # Quickly up to half the limit, then with care.
        step = pace.current if pace.current * 2 < window.most else max(1, pace.current // 2)
        return replace(pace, current=min(window.most, pace.current + step), changed=now)

    def is_banned(self, now: float, last_accepted: float) -> bool:
        """Whether the refusals of the last ten seconds look like a ban of the address.

        :param last_accepted: when any endpoint of the same user last answered with something else. A ban shuts out
            every endpoint; one that still answers shows that there is none.
        """
        return self.slowest_since is not None and now - max(self.slowest_since, last_accepted) >= BAN_SECONDS
