# SPDX-License-Identifier: Apache-2.0
"""A window that many workers share, kept in Redis (5 or newer) by its own clock.

Two scripts, each one call. All moments are Redis's ``TIME``: how a worker's clock is set does not matter.

Of each endpoint of a user, Redis holds: ``places``, the requests of the last window, each with the latest moment at
which it may have left its worker; ``line``, who waits, in order; ``seen``, until when each of them counts as waiting;
``state``, the lowest limit that anyone asked for lately and the pace after refusals. All of it expires by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from airflow_provider_bitget.api.exceptions import BitgetConfigError
from airflow_provider_bitget.api.pace import NEVER, Pace, Window

STORE_TIMEOUT: Final = 0.5
"""Seconds to connect to the store, and seconds for its answer."""

LONGEST_WAIT: Final = 1.0
"""Who waits asks again after this many seconds at most: whoever vanished from the line makes room by then."""

_MICROSECONDS: Final = 1_000_000

_TAKE: Final = """
local places, line, seen, state = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local who, served = ARGV[1], ARGV[2] == '1'
local limit, most, window = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local allowance, longest_wait = tonumber(ARGV[6]), tonumber(ARGV[7])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

-- The lowest limit that anyone asked for in the last ten seconds holds for all.
local known = redis.call('HMGET', state, 'limit', 'most', 'window', 'limit_until', 'pace', 'rest_until')
if known[1] and tonumber(known[1]) < limit and tonumber(known[4]) > now then
  limit, most, window = tonumber(known[1]), tonumber(known[2]), tonumber(known[3])
else
  redis.call('HSET', state, 'limit', ARGV[3], 'most', most, 'window', window, 'limit_until', now + 10000000)
end
local pace = math.min(most, tonumber(known[5] or most))

redis.call('ZREMRANGEBYSCORE', places, '-inf', now - window)
redis.call('ZREM', places, who)
-- What the caller sent on its own while it could not ask.
for i = 8, #ARGV do
  redis.call('ZADD', places, now - ARGV[i], string.format('%s:%.0f:%d', who, now, i))
end
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', seen, '-inf', now)) do
  redis.call('ZREM', line, gone)
  redis.call('ZREM', seen, gone)
end

-- Whoever is ahead in line has a claim to what is free; who was served already and only comes anew goes first.
local used = redis.call('ZCARD', places)
local ahead = served and 0 or redis.call('ZRANK', line, who) or redis.call('ZCARD', line)
local turn, rounds, free_at = used + ahead - pace, 0, now
while turn >= used do
  turn, rounds = turn - pace, rounds + 1
end
if turn >= 0 then
  free_at = redis.call('ZRANGE', places, turn, turn, 'WITHSCORES')[2] + window
end
free_at = math.max(free_at + rounds * window, tonumber(known[6] or 0))

local granted, wait = 0, 0
if free_at <= now then
  granted = 1
  redis.call('ZADD', places, now + allowance, who)
  redis.call('ZREM', line, who)
  redis.call('ZREM', seen, who)
else
  if not redis.call('ZSCORE', line, who) then
    redis.call('ZADD', line, served and 0 or redis.call('HINCRBY', state, 'tickets', 1), who)
  end
  wait = math.min(free_at - now, longest_wait)
  redis.call('ZADD', seen, now + wait + 500000, who)
end
for _, key in ipairs(KEYS) do
  redis.call('PEXPIRE', key, math.max(60000, window / 250))
end
return {granted, wait, now, tostring(limit), most, window,
  redis.call('HMGET', state, 'version', 'pace', 'rest_until', 'changed', 'last_refused', 'slowest_since')}
"""

_SET_PACE: Final = """
local state, version = KEYS[1], ARGV[1]
local written = 0
if version == (redis.call('HGET', state, 'version') or '0') then
  redis.call('HSET', state, 'version', version + 1, 'pace', ARGV[2], 'rest_until', ARGV[3], 'changed', ARGV[4],
    'last_refused', ARGV[5], 'slowest_since', ARGV[6])
  redis.call('PEXPIRE', state, 60000)
  written = 1
end
local time = redis.call('TIME')
return {written, time[1] * 1000000 + time[2],
  redis.call('HMGET', state, 'version', 'pace', 'rest_until', 'changed', 'last_refused', 'slowest_since')}
"""

_NO_VERSION: Final = -1


class StoreError(Exception):
    """The store gave no answer. Its text says why and holds no secret."""


@dataclass(frozen=True, slots=True)
class SharedPace:
    """The pace that all workers keep, as the store had it at one moment.

    :param now: the store's clock at that moment, in seconds.
    :param version: counts the changes.
    :param pace: ``None`` where nothing was refused lately.
    """

    now: float
    version: int
    pace: Pace | None


@dataclass(frozen=True, slots=True)
class Turn:
    """The store's answer to who asks for a place.

    :param granted: whether there was one.
    :param wait: seconds until the caller's turn comes or it has to show itself.
    :param window: the window in force: of the lowest limit that anyone asked for lately.
    :param shared: the pace.
    """

    granted: bool
    wait: float
    window: Window
    shared: SharedPace


class Store(Protocol):
    """Keeps windows that many workers share."""

    def ask(
        self,
        key: str,
        who: str,
        *,
        window: Window,
        allowance: float,
        ages: Sequence[float] = (),
        served: bool = False,
    ) -> Turn:
        """Take a place in the window, or one in line.

        :param key: whose window.
        :param who: names the caller; a place that it holds is given back first.
        :param window: what the caller may do.
        :param allowance: seconds after which the request has left at the latest.
        :param ages: how many seconds ago the caller sent requests that the store does not know of.
        :param served: the caller had a place and needs a newer one: nobody is ahead of it.
        :raises StoreError: there was no answer.
        """

    def leave(self, key: str, who: str) -> None:
        """Give up a place in line, without waiting and without a word if that fails."""

    def read_pace(self, key: str) -> SharedPace:
        """Return the pace.

        :raises StoreError: there was no answer.
        """

    def write_pace(self, key: str, pace: Pace, version: int) -> bool:
        """Set the pace, if nobody has since the version was read; return whether it was set.

        :raises StoreError: there was no answer.
        """


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """Where a Redis is and how to get in.

    :param host: name or address.
    :param port: port.
    :param db: number of the database.
    :param username: for Redis 6 and newer; ``None`` for the default user.
    :param password: ``None`` without one.
    :param tls: options of the redis package, such as ``("ssl_ca_certs", "/etc/ca.pem")``; empty for no TLS.
    :param conn_id: what the connection is called, for messages.
    """

    host: str
    port: int = 6379
    db: int = 0
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    tls: tuple[tuple[str, Any], ...] = ()
    conn_id: str = ""


class RedisStore:
    """Windows in Redis. Safe to use from many threads; no call takes longer than a second, whatever Redis does.

    :param settings: where it is.
    :raises BitgetConfigError: the ``redis`` package is not installed.
    """

    def __init__(self, settings: RedisSettings) -> None:
        try:
            import redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError:
            raise BitgetConfigError(
                "The connection's rate_limit_conn_id needs the redis package: "
                "pip install 'airflow-provider-bitget[redis]' on every worker and triggerer.",
                field="rate_limit_conn_id",
            ) from None
        self._errors = (redis.RedisError, OSError)
        self._redis = redis.Redis(
            host=settings.host,
            port=settings.port,
            db=settings.db,
            username=settings.username,
            password=settings.password,
            socket_connect_timeout=STORE_TIMEOUT,
            socket_timeout=STORE_TIMEOUT,
            # The limiter has an answer of its own to a store that is away: waiting is not it.
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            decode_responses=True,
            **dict(settings.tls),
        )
        self._take: Any = self._redis.register_script(_TAKE)
        self._set_pace: Any = self._redis.register_script(_SET_PACE)

    def ask(
        self,
        key: str,
        who: str,
        *,
        window: Window,
        allowance: float,
        ages: Sequence[float] = (),
        served: bool = False,
    ) -> Turn:
        """Take a place in the window, or one in line; see :class:`Store`."""
        numbers = (allowance, LONGEST_WAIT, *ages)
        arguments = [who, int(served), window.limit, window.most, window.milliseconds * 1000]
        arguments += [round(number * _MICROSECONDS) for number in numbers]
        granted, wait, now, limit, most, window_us, state = self._call(
            lambda: self._take(keys=[f"{key}:{part}" for part in ("places", "line", "seen", "state")], args=arguments)
        )
        return Turn(
            granted=bool(granted),
            wait=wait / _MICROSECONDS,
            window=Window(float(limit), most, window_us // 1000),
            shared=_shared_pace(now, state),
        )

    def leave(self, key: str, who: str) -> None:
        """Give up a place in line, in a thread of its own: nobody waits for it."""

        def work() -> None:
            try:
                with self._redis.pipeline(transaction=False) as pipeline:
                    for part in ("line", "seen"):
                        pipeline.zrem(f"{key}:{part}", who)
                    pipeline.execute()
            except self._errors:
                return  # It expires by itself.

        threading.Thread(target=work, name="bitget-limit", daemon=True).start()

    def read_pace(self, key: str) -> SharedPace:
        """Return the pace; see :class:`Store`."""
        _, now, state = self._call(
            lambda: self._set_pace(keys=[f"{key}:state"], args=[_NO_VERSION, "", "", "", "", ""])
        )
        return _shared_pace(now, state)

    def write_pace(self, key: str, pace: Pace, version: int) -> bool:
        """Set the pace, if nobody has since the version was read; see :class:`Store`."""
        moments = (pace.rest_until, pace.changed, pace.last_refused, pace.slowest_since)
        arguments = [version, pace.current, *(_as_text(moment) for moment in moments)]
        written, _, _ = self._call(lambda: self._set_pace(keys=[f"{key}:state"], args=arguments))
        return bool(written)

    def _call(self, job: Callable[[], Any]) -> Any:
        """Run a call, but wait for it no longer than its time.

        In a thread of its own: a name server that hangs, or a handshake that drips, knows no timeout.
        """
        outcome: list[Any] = []
        failure: list[Exception] = []
        done = threading.Event()

        def work() -> None:
            try:
                outcome.append(job())
            except Exception as error:  # noqa: BLE001  # handed to the caller
                failure.append(error)
            finally:
                done.set()

        threading.Thread(target=work, name="bitget-limit", daemon=True).start()
        if not done.wait(2 * STORE_TIMEOUT):
            raise StoreError("no answer in time")
        if not failure:
            return outcome[0]
        if isinstance(failure[0], self._errors):
            raise StoreError(_name(failure[0])) from None
        raise failure[0]


def _shared_pace(now: int, state: Sequence[str | None]) -> SharedPace:
    version, current, rest_until, changed, last_refused, slowest_since = state
    pace = None
    if current:
        pace = Pace(
            int(current), _moment(rest_until), _moment(changed), _moment(last_refused), _moment(slowest_since, None)
        )
    return SharedPace(now / _MICROSECONDS, int(version or 0), pace)


def _moment(text: str | None, never: Any = NEVER) -> Any:
    return int(text) / _MICROSECONDS if text else never


def _as_text(moment: float | None) -> str:
    return "" if moment is None or moment == NEVER else str(round(moment * _MICROSECONDS))


def _name(error: Exception) -> str:
    """Say what happened by the error's type: its text can hold an address, or what was sent."""
    names = {
        "TimeoutError": "no answer in time",
        "ConnectionError": "no connection",
        "AuthenticationError": "login or password refused",
        "AuthenticationWrongNumberOfArgsError": "login or password refused",
        "NoPermissionError": "the user may not run scripts there",
        "ReadOnlyError": "it is a read-only replica",
        "OutOfMemoryError": "its memory is full",
        "BusyLoadingError": "it is still loading",
    }
    name = type(error).__name__
    return names.get(name, name)
