# SPDX-License-Identifier: Apache-2.0
"""Over real HTTP a client meets the same exchange, and faults that are real on the wire."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
import requests

from airflow_provider_bitget.sandbox import Sandbox, SandboxControl, numbered_account
from tests.unit.sandbox.desk import BATCH_CANCEL, CANCEL_BATCH, PENDING, TIME, UNFILLED, signed_headers

QUERY = "productType=USDT-FUTURES&limit=5"


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """One sandbox for the whole file, since starting takes longer than most tests."""
    with Sandbox(orders=12, limiter="off") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """A sandbox with twelve fresh orders."""
    running.reset(orders=12, limiter="off", latency=0.0, jitter=0.0, connection_round_trips=0.0)
    return running


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """A client that ignores proxies."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


def pending(sandbox: Sandbox, session: requests.Session, timeout: float = 10.0) -> requests.Response:
    headers = signed_headers(sandbox.accounts[0], int(time.time() * 1000), "GET", PENDING, QUERY)
    return session.get(f"{sandbox.url}{PENDING}?{QUERY}", headers=headers, timeout=timeout)


def cancel(sandbox: Sandbox, session: requests.Session, order_ids: list[str]) -> requests.Response:
    items = [{"orderId": order_id} for order_id in order_ids]
    body = json.dumps({"productType": "USDT-FUTURES", "symbol": "BTCUSDT", "orderIdList": items})
    headers = signed_headers(sandbox.accounts[0], int(time.time() * 1000), "POST", BATCH_CANCEL, "", body)
    return session.post(sandbox.url + BATCH_CANCEL, data=body, headers=headers, timeout=10)


def bitcoin_orders(sandbox: Sandbox) -> list[str]:
    return [row["orderId"] for row in sandbox.open_orders("BTCUSDT")]


def test_signed_requests_are_answered(sandbox: Sandbox, session: requests.Session) -> None:
    response = pending(sandbox, session)
    assert response.status_code == 200
    assert len(response.json()["data"]["entrustedList"]) == 5


def test_cancelled_orders_leave_the_books(sandbox: Sandbox, session: requests.Session) -> None:
    order_ids = bitcoin_orders(sandbox)
    assert len(order_ids) == 4
    assert cancel(sandbox, session, order_ids).json()["data"]["failureList"] == []
    assert bitcoin_orders(sandbox) == []
    assert sandbox.order(order_ids[0])["status"] == "canceled"
    assert sandbox.requests[-1].order_ids == tuple(order_ids)


def test_percent_encoded_query_reaches_the_exchange_untouched(sandbox: Sandbox, session: requests.Session) -> None:
    raw = "productType=USDT-FUTURES&symbol=币安人生USDT"
    headers = signed_headers(sandbox.accounts[0], int(time.time() * 1000), "GET", PENDING, raw)
    response = session.get(f"{sandbox.url}{PENDING}?{raw}", headers=headers, timeout=10)
    assert response.json()["code"] == "00000"


def test_limit_holds_on_the_wire(sandbox: Sandbox, session: requests.Session) -> None:
    sandbox.reset(limiter="sliding")
    statuses = [pending(sandbox, session).status_code for _ in range(11)]
    assert statuses == [200] * 10 + [429]


@pytest.mark.parametrize(("kind", "state"), [("reset_before", "live"), ("reset_after", "canceled")])
def test_reset_is_a_reset_to_the_client(sandbox: Sandbox, session: requests.Session, kind: str, state: str) -> None:
    order_ids = bitcoin_orders(sandbox)
    sandbox.inject(kind, times=1)
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        cancel(sandbox, session, order_ids)
    assert sandbox.order(order_ids[0])["status"] == state
    assert pending(sandbox, session).status_code == 200


def test_truncated_answer_breaks_off(sandbox: Sandbox, session: requests.Session) -> None:
    sandbox.inject("truncate", times=1, clean=False)
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        pending(sandbox, session)
    sandbox.inject("truncate", times=1)
    with pytest.raises(requests.exceptions.JSONDecodeError):
        pending(sandbox, session).json()


def test_hang_runs_into_the_clients_timeout(sandbox: Sandbox, session: requests.Session) -> None:
    sandbox.inject("hang", times=1, seconds=30)
    with pytest.raises(requests.ReadTimeout):
        pending(sandbox, session, timeout=0.2)


def test_slow_drip_takes_about_its_time(sandbox: Sandbox, session: requests.Session) -> None:
    sandbox.inject("slow_drip", times=1, seconds=0.3)
    started = time.monotonic()
    assert pending(sandbox, session).json()["code"] == "00000"
    assert time.monotonic() - started >= 0.29


def test_html_is_no_json(sandbox: Sandbox, session: requests.Session) -> None:
    sandbox.inject("bad_gateway", times=1)
    response = pending(sandbox, session)
    assert (response.status_code, response.headers["content-type"]) == (502, "text/html")


def test_latency_is_a_round_trip_and_new_connections_pay_more(sandbox: Sandbox, session: requests.Session) -> None:
    sandbox.reset(latency=0.2, connection_round_trips=2)

    def elapsed() -> float:
        started = time.monotonic()
        session.get(sandbox.url + TIME, timeout=10)
        return time.monotonic() - started

    assert elapsed() >= 0.6
    assert 0.2 <= elapsed() < 0.6


def test_jitter_delays_each_arrival_differently(sandbox: Sandbox, session: requests.Session) -> None:
    sandbox.reset(jitter=0.04)
    sent = []
    for _ in range(12):
        sent.append(time.time())
        session.get(sandbox.url + TIME, timeout=10)
    delays = [record.time - moment for record, moment in zip(sandbox.requests, sent, strict=True)]
    assert max(delays) - min(delays) > 0.01


def test_other_processes_can_look_and_act(sandbox: Sandbox) -> None:
    control = SandboxControl(sandbox.url)
    assert control.connection == sandbox.connection
    assert sum(int(row["open"]) for row in control.books()) == 12
    [placed] = control.place(1, symbol="ETHUSDT", client_oids=["mine"], status="partially_filled")
    assert placed["clientOid"] == "mine"
    [other] = control.place()
    assert control.fill(placed["orderId"])["status"] == "filled"
    assert control.cancel(other["orderId"])["status"] == "canceled"
    assert control.states([placed["orderId"], other["orderId"]]) == {
        placed["orderId"]: "filled",
        other["orderId"]: "canceled",
    }
    assert len(control.states()) == 14
    assert len(control.orders(symbol="BTCUSDT")) == 4
    assert [row["orderId"] for row in control.orders(status="filled")] == [placed["orderId"]]


def test_other_processes_can_inject_faults_and_begin_anew(sandbox: Sandbox, session: requests.Session) -> None:
    control = SandboxControl(sandbox.url)
    control.inject("rate_limit", times=1)
    assert pending(sandbox, session).status_code == 429
    assert control.requests()[PENDING]["refused_429"] == 1
    assert control.log()[-1]["fault"] == "rate_limit"
    control.inject_random(1.0, [("refuse", {"code": "45001"})])
    assert pending(sandbox, session).json()["code"] == "45001"
    control.clear_faults()
    assert pending(sandbox, session).status_code == 200
    control.reset(orders=3, latency=0.001, limiter="bucket")
    assert (control.requests(), len(control.states()), sandbox.exchange.rules.limiter) == ({}, 3, "bucket")


@pytest.mark.parametrize(
    ("action", "options", "message"),
    [
        ("inject", {"kind": "earthquake"}, "known are rate_limit"),
        ("inject", {}, "do not fit"),
        ("explode", {}, "known are cancel, clear-faults"),
        ("reset", {"speed": 3}, "unknown option speed"),
        ("reset", {"latency": -1}, "0 or more"),
        ("fill", {"order_id": "7"}, "has no order 7"),
    ],
)
def test_wrong_wishes_of_other_processes_are_explained(
    sandbox: Sandbox, session: requests.Session, action: str, options: dict[str, object], message: str
) -> None:
    response = session.post(f"{sandbox.url}/sandbox/{action}", json=options, timeout=10)
    assert response.status_code == 400
    assert message in response.json()["error"]


def test_control_raises_what_the_sandbox_answers(sandbox: Sandbox) -> None:
    control = SandboxControl(sandbox.url)
    with pytest.raises(ValueError, match="known are live"):
        control.orders(status="open")


def test_control_goes_nowhere_but_to_the_loopback() -> None:
    with pytest.raises(ValueError, match="loopback only"):
        SandboxControl("https://api.bitget.com")


def test_web_page_of_another_name_cannot_control_the_sandbox(sandbox: Sandbox, session: requests.Session) -> None:
    foreign = {"Host": "attacker.example"}
    for method, path in (("GET", "connection"), ("POST", "reset")):
        response = session.request(method, f"{sandbox.url}/sandbox/{path}", headers=foreign, timeout=10)
        assert response.status_code == 403


def test_accounts_and_their_connections() -> None:
    accounts = [numbered_account(1), numbered_account(2, demo=True)]
    with Sandbox(accounts=accounts) as sandbox:
        live, demo = (json.dumps(account.connection(sandbox.url)) for account in accounts)
        assert sandbox.connection_json == live
    assert json.loads(demo)["extra"] == {"passphrase": "sandbox-passphrase-2", "demo_trading": True}
    assert json.loads(live)["host"].startswith("http://127.0.0.1:")
    assert json.loads(live)["conn_type"] == "bitget"


def test_stopped_sandbox_serves_no_longer_and_keeps_its_books() -> None:
    with Sandbox(orders=2, demo=True) as sandbox:
        url = sandbox.url
        sandbox.inject("hang", seconds=30)
        hanging = threading.Thread(target=_ask, args=[url])
        hanging.start()
    hanging.join(5)
    assert not hanging.is_alive()
    assert len(sandbox.open_orders()) == 2
    with pytest.raises(requests.ConnectionError):
        requests.get(url + TIME, timeout=5)
    with pytest.raises(RuntimeError, match="isn't running"):
        _ = sandbox.url


def _ask(url: str) -> None:
    try:
        requests.get(url + TIME, timeout=10)
    except requests.RequestException:
        # The point is that it ends at all.
        return


def test_port_that_is_taken_is_noticed(sandbox: Sandbox) -> None:
    port = int(sandbox.url.rsplit(":", 1)[1])
    with pytest.raises(OSError, match="in use"):
        Sandbox(port=port).start()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"speed": 3}, "unknown option speed; known are limiter"),
        ({"limiter": "leaky"}, "known are sliding, fixed, bucket, off"),
        ({"latency": -1}, "0 or more"),
        ({"symbols": []}, "at least one symbol"),
        ({"accounts": 0}, "at least one account"),
        ({"accounts": [numbered_account(), numbered_account()]}, "share a key"),
        ({"product_type": "FUTURES"}, "known are USDT-FUTURES"),
    ],
)
def test_wrong_options_are_refused_with_the_known(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sandbox(**options)  # type: ignore[arg-type]


def test_missing_extra_is_named_only_when_the_sandbox_starts() -> None:
    program = (
        "import sys; sys.modules['fastapi'] = None\n"
        "from airflow_provider_bitget.sandbox import Sandbox\n"
        "sandbox = Sandbox(orders=1)\n"
        "try: sandbox.start()\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    expected = "The sandbox needs fastapi: pip install 'airflow-provider-bitget[sandbox]'"
    assert done.stdout.strip() == expected


# Unified accounts


@pytest.fixture(scope="module")
def unified() -> Iterator[Sandbox]:
    """A sandbox with a unified account and three orders."""
    with Sandbox(orders=3, symbols=["BTCUSDT"], account_mode="unified") as sandbox:
        yield sandbox


def test_body_that_is_an_array_reaches_the_exchange(unified: Sandbox, session: requests.Session) -> None:
    order_ids = bitcoin_orders(unified)
    items = [{"orderId": one, "category": "USDT-FUTURES", "symbol": "BTCUSDT"} for one in [*order_ids[:2], "7"]]
    body = json.dumps(items)
    headers = signed_headers(unified.accounts[0], int(time.time() * 1000), "POST", CANCEL_BATCH, "", body)
    response = session.post(unified.url + CANCEL_BATCH, data=body, headers=headers, timeout=10)
    assert response.status_code == 200
    assert [item.get("code") for item in response.json()["data"]] == [None, None, "25204"]
    assert (bitcoin_orders(unified), unified.requests[-1].order_ids) == (order_ids[2:], (*order_ids[:2], "7"))
    headers = signed_headers(unified.accounts[0], int(time.time() * 1000), "GET", UNFILLED, "category=usdt-futures")
    response = session.get(f"{unified.url}{UNFILLED}?category=usdt-futures", headers=headers, timeout=10)
    assert [row["orderId"] for row in response.json()["data"]["list"]] == order_ids[2:]


def test_key_meets_the_kind_of_its_account_on_the_wire(unified: Sandbox, session: requests.Session) -> None:
    response = pending(unified, session)
    assert (response.status_code, response.json()["code"]) == (400, "40085")


def test_other_processes_arrange_a_unified_account(unified: Sandbox) -> None:
    control = SandboxControl(unified.url)
    [plan] = control.place_plan(plan_type="loss_plan", symbol="BTCUSDT", both=True)
    assert unified.open_plan_orders() == [plan]
    with pytest.raises(ValueError, match="at most 400 open futures orders"):
        control.place(401)
