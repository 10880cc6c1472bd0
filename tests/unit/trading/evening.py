# SPDX-License-Identifier: Apache-2.0
"""An evening on virtual time: the tasks of the group as it wires them, run as Airflow runs them, in one market.

Nothing of the group is written down again here: what is run, in which order, with which arguments and how often comes
from the tasks themselves. Every try is a process of its own, with its own session, pace and report; several run at a
time, one request after the other. A try may be stopped, interrupted or die at any moment.
"""

from __future__ import annotations

import heapq
import itertools
import json
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final
from unittest import mock

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, AirflowSkipException

from airflow_provider_bitget.api.account import AccountDialect
from airflow_provider_bitget.api.client import BitgetClient
from airflow_provider_bitget.api.credentials import Credentials
from airflow_provider_bitget.api.rate_limit import LimiterRegistry
from airflow_provider_bitget.hooks.bitget import BitgetHook
from airflow_provider_bitget.operators.flatten import BitgetCloseGateSensor
from tests.kinds import CLASSIC_NAMES
from tests.unit.trading.market import Interrupt, Market, MarketClock, OneAtATime, SkewedClock, Wire

LOOK_EVERY: Final = 1.0
"""Seconds between two looks of the scheduler."""

OVER: Final = ("success", "failed", "skipped", "upstream_failed")

ENDS: Final = ("stop", "interrupt", "death")
"""What may end a try early: a kill that is heeded, a timeout in the main thread, a machine that is gone."""


class EveningOver(BaseException):
    """Raised in every process that still runs when an evening is broken off."""


class SharedClock(MarketClock):
    """Time that several threads wait for. One of them runs at a time: the one whose wait ends first."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[tuple[float, int, threading.Event]] = []
        self._numbers = itertools.count()
        self._is_over = False

    def advance(self, seconds: float) -> None:
        """Wait; whoever's turn comes before runs meanwhile."""
        end = self.monotonic() + seconds
        if not self._waiting or end < self._waiting[0][0]:
            super().advance(seconds)
        else:
            turn = self._queue(end)
            self._next_turn()
            turn.wait()
        if self._is_over:
            raise EveningOver

    def fork(self, work: Callable[[], None]) -> threading.Thread:
        """Let a thread take its turns from now on."""
        turn = self._queue(self.monotonic())

        def take_turns() -> None:
            turn.wait()
            try:
                if not self._is_over:
                    work()
            finally:
                self._next_turn()

        thread = threading.Thread(target=take_turns, daemon=True)
        thread.start()
        return thread

    def break_off(self) -> None:
        """Let every thread that waits end now."""
        self._is_over = True
        for _, _, turn in self._waiting:
            turn.set()

    def _queue(self, moment: float) -> threading.Event:
        turn = threading.Event()
        heapq.heappush(self._waiting, (moment, next(self._numbers), turn))
        return turn

    def _next_turn(self) -> None:
        if self._waiting and not self._is_over:
            moment, _, turn = heapq.heappop(self._waiting)
            super().advance(max(0.0, moment - self.monotonic()))
            turn.set()


class Process(OneAtATime):
    """The workers of one try, and its main thread, which can be interrupted while it waits."""

    def __init__(self, clock: MarketClock, chance: random.Random) -> None:
        super().__init__(chance)
        self.on(clock)
        self.interrupt_at = float("inf")
        self.interrupted_at: float | None = None
        self._market_clock = clock
        self._is_at_work = False
        self._draw = chance

    def next_done(self, timeout: float) -> tuple[Any, Any, BaseException | None] | None:
        self.heed_interrupt()
        self._is_at_work = True
        try:
            done = super().next_done(timeout)
        finally:
            self._is_at_work = False
        if self._is_interrupted():
            if done is not None and self._draw.random() < 0.5:
                self._results.append(done)
            raise Interrupt
        return done

    def heed_interrupt(self) -> None:
        """Interrupt the main thread, if that is due; a worker at its request is not interrupted."""
        if not self._is_at_work and self._is_interrupted():
            raise Interrupt

    def _is_interrupted(self) -> bool:
        now = self._market_clock.monotonic()
        if self.interrupted_at is not None or now < self.interrupt_at:
            return False
        self.interrupted_at = now
        return True


class ProcessClock(SkewedClock):
    """A machine's clock; whoever waits by it can be interrupted."""

    def __init__(self, true: MarketClock, ahead: float, process: Process) -> None:
        super().__init__(true, ahead)
        self._process = process

    def wait(self, seconds: float, wake: threading.Event) -> bool:
        woken = super().wait(seconds, wake)
        self._process.heed_interrupt()
        return woken


class PositionsSeen(AccountDialect):
    """Notes which positions the exchange showed in the last read that was taken for a complete one."""

    attempt: Try

    def positions(self, **options: Any) -> Any:
        found = super().positions(**options)
        self.attempt.positions_seen = self.attempt.positions_shown
        return found


@dataclass
class ProofRead:
    """One read of a proof: when it began and ended, and whether it was complete."""

    began: float
    ended: float = float("inf")
    is_complete: bool = False


@dataclass(eq=False)
class Try:
    """One try of one task.

    :param phase: the task's part in the group, such as ``close``.
    :param number: 1 for the first.
    :param ends_by: what ends it early, of :data:`ENDS`, and when; ``""`` for nothing.
    :param run: what it does, once it is prepared.
    :param outcome: ``success``, ``failed`` (no other try may follow), ``skipped``, ``retry``; ``""`` while it runs.
    :param positions_shown: what the last read of the positions was answered with.
    :param positions_seen: the same of the last read that the run took for complete; ``None`` without one.
    :param looks: what was open at each moment of the last read of a proof.
    :param open_all_the_time: what was open through the whole of its last complete read.
    :param reads: all its reads.
    :param locked: the symbols of which the exchange has said that something locks their position.
    :param finds_locks: an order that closes rested when it closed positions.
    """

    task_id: str
    phase: str
    product_type: str
    number: int
    started: float
    wire: Wire
    process: Process
    dialect: PositionsSeen
    task: Any
    ends_by: str = ""
    ends_at: float = float("inf")
    run: Any = None
    outcome: str = ""
    ended: float = float("inf")
    positions_shown: frozenset[tuple[str, str]] = frozenset()
    positions_seen: frozenset[tuple[str, str]] | None = None
    looks: list[frozenset[str]] = field(default_factory=list)
    open_all_the_time: frozenset[str] = frozenset()
    reads: list[ProofRead] = field(default_factory=list)
    locked: set[str] = field(default_factory=set)
    finds_locks: bool = False

    @property
    def is_ended_early(self) -> bool:
        """Whether it was ended from outside, before it came to its own end."""
        return self.ends_at <= self.ended

    @property
    def is_dead(self) -> bool:
        """Whether its machine is gone: nothing that it says arrives any more."""
        return self.ends_by == "death" and self.process.interrupted_at is not None


@dataclass(eq=False)
class TaskRun:
    """A task of the evening, with all its tries."""

    task: Any
    phase: str
    product_type: str
    state: str = ""
    due: float = 0.0
    first_look: float | None = None
    tries: list[Try] = field(default_factory=list)

    @property
    def last(self) -> Try | None:
        return self.tries[-1] if self.tries else None


class TaskInstance:
    """What Airflow tells a process of its run, and takes from it."""

    dag_id, run_id, map_index = "evening", "scheduled__2026-11-23T23:55:00+00:00", -1

    def __init__(self, evening: Evening, task_id: str, attempt: Try | None = None) -> None:
        self.task_id = task_id
        self.try_number = attempt.number if attempt is not None else 1
        self.max_tries = evening.tasks[task_id].task.retries
        self._evening = evening
        self._attempt = attempt

    def xcom_push(self, key: str, value: Any) -> None:
        if self._attempt is None or not self._attempt.is_dead:
            self._evening.xcoms[self.task_id, key] = json.loads(json.dumps(value))

    def xcom_pull(self, task_ids: str, key: str = "return_value", *, map_indexes: int) -> Any:
        assert map_indexes == self.map_index
        return self._evening.xcoms.get((task_ids, key))

    def get_task_states(
        self, dag_id: str, map_index: int, task_ids: list[str], run_ids: list[str]
    ) -> dict[str, dict[str, str]]:
        assert (dag_id, map_index, run_ids) == (self.dag_id, self.map_index, [self.run_id])
        return {self.run_id: {name: self._evening.tasks[name].state for name in task_ids}}


class StateStore:
    """Airflow 3.3's task state store: lives through the tries of a task."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def get(self, key: str) -> Any:
        return json.loads(self._values[key]) if key in self._values else None

    def set(self, key: str, value: Any) -> None:
        self._values[key] = json.dumps(value)


@dataclass
class Evening:
    """One run of the group.

    :param market: where; its clock is a :class:`SharedClock`.
    :param tasks: the tasks of the group by id, in the order in which the group made them.
    :param chance: draws what is left to chance.
    :param clock_ahead: seconds by which the machines' clocks are wrong.
    :param slowest_start: seconds that Airflow takes at most until a task that may start has started.
    :param ends: what ends tries early, of :data:`ENDS`.
    :param ended_early: how many tries are ended early, 0 to 1.
    :param has_state_store: whether this version of Airflow keeps what tries have proven.
    :param after_prepare: what is looked at when a try has made its run.
    :param before_request: what is looked at just before the exchange sees a request: the try, the endpoint, and what
        the request says.
    :param after_answer: the same after it, with the answer's body.
    :param after_try: what is looked at when a try has ended.
    """

    market: Market
    tasks: dict[str, TaskRun]
    chance: random.Random
    clock_ahead: float = 0.0
    slowest_start: float = 3.0
    ends: tuple[str, ...] = ()
    ended_early: float = 0.0
    has_state_store: bool = True
    after_prepare: list[Callable[[Try], None]] = field(default_factory=list)
    before_request: list[Callable[[Try, str, Mapping[str, Any]], None]] = field(default_factory=list)
    after_answer: list[Callable[[Try, str, Mapping[str, Any], bytes], None]] = field(default_factory=list)
    after_try: list[Callable[[Try], None]] = field(default_factory=list)
    xcoms: dict[tuple[str, str], Any] = field(default_factory=dict)
    tries: list[Try] = field(default_factory=list)
    _stores: dict[str, StateStore] = field(default_factory=dict)
    _failure: BaseException | None = None
    _here: threading.local = field(default_factory=threading.local)
    _threads: list[threading.Thread] = field(default_factory=list)

    @property
    def clock(self) -> SharedClock:
        assert isinstance(self.market.clock, SharedClock)
        return self.market.clock

    def report(self, phase: str, product_type: str) -> Any:
        """Return what a phase has left in XCom."""
        return self.xcoms.get((self.task(phase, product_type).task.task_id, "return_value"))

    def task(self, phase: str, product_type: str = "") -> TaskRun:
        return next(one for one in self.tasks.values() if (one.phase, one.product_type) == (phase, product_type))

    def pass_by(self) -> None:
        """Run every task to its end."""
        with self._in_airflow():
            try:
                while not all(one.state in OVER for one in self.tasks.values()):
                    for one in self.tasks.values():
                        self._look_after(one)
                    self.clock.advance(LOOK_EVERY)
                    if self._failure is not None:
                        raise self._failure
            except BaseException:
                self.clock.break_off()
                for thread in self._threads:
                    thread.join(timeout=10)
                raise

    # What the scheduler does

    def _look_after(self, one: TaskRun) -> None:
        now = self.clock.monotonic()
        if one.state == "" and self._may_be_queued(one):
            one.state, one.due = "queued", now + self.chance.uniform(0.0, self.slowest_start)
        if one.state == "queued" and getattr(one.task, "inherits_from_empty_operator", False):
            one.state = "success"
        elif one.state in ("queued", "up_for_reschedule") and isinstance(one.task, BitgetCloseGateSensor):
            self._ask_gate(one, now)
        elif one.state in ("queued", "up_for_retry") and one.due <= now:
            self._start(one)
        elif one.state == "running" and one.last is not None and one.last.is_dead and one.due <= now:
            self._note_end(one, "retry")

    def _may_be_queued(self, one: TaskRun) -> bool:
        states = [self.tasks[name].state for name in one.task.upstream_task_ids]
        if any(state not in OVER for state in states):
            return False
        if one.task.trigger_rule == "all_done" or all(state == "success" for state in states):
            return True
        one.state = "skipped" if "skipped" in states else "upstream_failed"
        return False

    def _ask_gate(self, one: TaskRun, now: float) -> None:
        if one.due > now:
            return
        one.first_look = now if one.first_look is None else one.first_look
        if one.task.poke({"ti": TaskInstance(self, one.task.task_id)}):
            one.state = "success"
        elif now - one.first_look > one.task.timeout:
            assert one.task.soft_fail
            one.state = "skipped"
        else:
            one.state, one.due = "up_for_reschedule", now + one.task.poke_interval

    def _start(self, one: TaskRun) -> None:
        for key in [key for key in self.xcoms if key[0] == one.task.task_id]:
            del self.xcoms[key]
        attempt = self._new_try(one)
        one.state = "running"
        one.tries.append(attempt)
        self.tries.append(attempt)
        if self.chance.random() < self.ended_early:
            self._appoint_end(attempt, self.chance.choice(self.ends))
        self._threads.append(self.clock.fork(lambda: self._work(one, attempt)))

    def _new_try(self, one: TaskRun) -> Try:
        market = self.market
        process = Process(self.clock, random.Random(self.chance.random()))  # noqa: S311  # the same in every run
        clock = ProcessClock(self.clock, self.clock_ahead, process)
        wire = Wire(market.exchange, self.clock, market.wire.round_trip)
        wire.before_arrival = market.wire.before_arrival
        account = market.exchange.accounts[0]
        client = BitgetClient(
            Credentials(account.key, account.secret, account.passphrase),
            clock=clock,
            transport=wire,
            limiters=LimiterRegistry(clock),
        )
        client._random = random.Random(7)  # noqa: S311  # the same in every run
        attempt = Try(
            task_id=one.task.task_id,
            phase=one.phase,
            product_type=one.product_type,
            number=len(one.tries) + 1,
            started=self.clock.monotonic(),
            wire=wire,
            process=process,
            dialect=PositionsSeen(client),
            task=one.task.prepare_for_execution(),
        )
        attempt.dialect.attempt = attempt
        return attempt

    def _appoint_end(self, attempt: Try, end: str) -> None:
        """Let something end a try, mostly soon after it has started."""
        attempt.ends_by = end
        attempt.ends_at = moment = attempt.started + self.chance.choice([0.5, 3.0, 20.0, 60.0]) * self.chance.random()
        if end == "stop":
            self.clock.at(moment, attempt.task.on_kill)
        else:
            attempt.process.interrupt_at = moment

    # What a process does

    def _work(self, one: TaskRun, attempt: Try) -> None:
        self._here.attempt = attempt
        try:
            outcome = self._execute(attempt)
            attempt.ended = self.clock.monotonic()
            attempt.outcome = outcome
            for look in self.after_try:
                look(attempt)
        except EveningOver:
            return
        except BaseException as error:  # noqa: BLE001  # told by the thread that waits for all
            self._failure = self._failure or error
            return
        if attempt.is_dead:
            # Nobody knows yet.
            one.due = attempt.ended + self.chance.choice([5.0, 60.0, 300.0])
        else:
            self._note_end(one, outcome)

    def _execute(self, attempt: Try) -> str:
        ti = TaskInstance(self, attempt.task_id, attempt)
        context: dict[str, Any] = {"ti": ti}
        if self.has_state_store:
            context["task_state_store"] = self._stores.setdefault(attempt.task_id, StateStore())
        try:
            result = attempt.task.execute(context)
        except AirflowSkipException:
            return "skipped"
        except AirflowFailException:
            return "failed"
        except (AirflowException, Interrupt):
            return "retry"
        if attempt.task.do_xcom_push:
            ti.xcom_push("return_value", result)
        return "success"

    def _note_end(self, one: TaskRun, outcome: str) -> None:
        if outcome == "retry" and len(one.tries) <= one.task.retries:
            one.state = "up_for_retry"
            pause = one.task.retry_delay.total_seconds() + self.chance.uniform(0.0, self.slowest_start)
            one.due = self.clock.monotonic() + pause
        else:
            one.state = "failed" if outcome == "retry" else outcome

    # What stands in for the world of a process

    @contextmanager
    def _in_airflow(self) -> Iterator[None]:
        machine = SimpleNamespace(time=lambda: self.clock.time() + self.clock_ahead)
        with ExitStack() as stack:
            stack.enter_context(mock.patch("airflow_provider_bitget.hooks.bitget.BitgetHook", self._hook))
            stack.enter_context(mock.patch("airflow_provider_bitget.operators.flatten.time", machine))
            stack.enter_context(mock.patch.object(self.market.exchange, "handle", self._handle))
            yield

    def _hook(self, bitget_conn_id: str) -> BitgetHook:
        return ProcessHook(bitget_conn_id, self._here.attempt, self.after_prepare)

    def _handle(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Any:
        attempt: Try = self._here.attempt
        name = path.rsplit("/", 1)[-1]
        endpoint = CLASSIC_NAMES.get(name, name)
        says = self._in_classic_words(json.loads(body)) if body else {}
        for look in self.before_request:
            look(attempt, endpoint, says)
        reply = type(self.market.exchange).handle(self.market.exchange, method, path, query, headers, body)
        for look_back in self.after_answer:
            look_back(attempt, endpoint, says, reply.body)
        return reply

    def _in_classic_words(self, body: Any) -> dict[str, Any]:
        """Return what the body of a write says, as it would be said on a classic account."""
        if isinstance(body, list):
            (category,), (symbol,) = {one["category"] for one in body}, {one["symbol"] for one in body}
            return {"productType": category, "symbol": symbol, "orderIdList": body}
        says = {_CLASSIC_FIELDS.get(name, name): value for name, value in body.items()}
        if "productType" in says:
            return says
        # The cancel of one plan order of a unified account: it takes its id and nothing else.
        plan = self.market.exchange.plan_order(says["orderId"])
        return {"productType": plan.product_type, "symbol": plan.symbol, "orderIdList": [says]}


_CLASSIC_FIELDS = {"category": "productType", "posSide": "holdSide"}


class ProcessHook(BitgetHook):
    """The hook of one try: it reaches the market, and what it prepares runs in the try's process."""

    def __init__(self, bitget_conn_id: str, attempt: Try, after_prepare: Iterable[Callable[[Try], None]]) -> None:
        super().__init__(bitget_conn_id)
        self._attempt = attempt
        self._after_prepare = after_prepare
        vars(self).update(_client=attempt.dialect.client, dialect=attempt.dialect)

    def prepare_cancel_all(self, scope: Any, **options: Any) -> Any:
        return self._keep(super().prepare_cancel_all(scope, **options, workers=self._attempt.process))

    def prepare_close_positions(self, scope: Any, **options: Any) -> Any:
        return self._keep(super().prepare_close_positions(scope, **options, workers=self._attempt.process))

    def prepare_prove_flat(self, scope: Any, **options: Any) -> Any:
        return self._keep(super().prepare_prove_flat(scope, **options, workers=self._attempt.process))

    def _keep(self, run: Any) -> Any:
        self._attempt.run = run
        for look in self._after_prepare:
            look(self._attempt)
        return run


def tasks_of(dag: Any, phases: Mapping[str, Mapping[str, str]]) -> dict[str, TaskRun]:
    """Return the tasks of a DAG, ready to be run.

    :param phases: the task ids of the phases by product type and phase, as the report's task has them.
    """
    known = {task_id: (name, kind) for kind, own in phases.items() for name, task_id in own.items()}
    return {
        task_id: TaskRun(task, *known.get(task_id, (task_id.rpartition(".")[2], "")))
        for task_id, task in dag.task_dict.items()
    }
