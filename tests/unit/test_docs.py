# SPDX-License-Identifier: Apache-2.0
"""The pages of docs/ keep their word: examples run, tables are the code's, links lead somewhere."""

from __future__ import annotations

import inspect
import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_bitget.api import classic_endpoints
from airflow_provider_bitget.api import exceptions as api_exceptions
from airflow_provider_bitget.api.client import Endpoint
from airflow_provider_bitget.api.error_codes import ErrorCategory
from airflow_provider_bitget.api.rows import PLAN_TYPES, OpenOrder, OpenPlanOrder, Position
from airflow_provider_bitget.flatten_report.report import build_flatten_report
from airflow_provider_bitget.hooks.bitget import BitgetHook
from airflow_provider_bitget.hooks.connection import read_connection
from airflow_provider_bitget.operators import exceptions, flatten
from airflow_provider_bitget.operators.bitget import (
    BitgetBatchCancelOperator,
    BitgetCancelAllOrdersOperator,
    BitgetClosePositionsOperator,
    BitgetListOpenOrdersOperator,
)
from airflow_provider_bitget.retry_policy import bitget_retry_policy
from airflow_provider_bitget.sandbox import Sandbox
from airflow_provider_bitget.sensors.bitget import BitgetFlatSensor
from airflow_provider_bitget.task_groups.flatten import flatten_account
from airflow_provider_bitget.trading.books import ORDERS, PLAN_ORDERS, POSITIONS, Books
from airflow_provider_bitget.trading.cancel_all import CancelAllReport
from airflow_provider_bitget.trading.close_report import CloseBucket, CloseOutcome, CloseReport
from airflow_provider_bitget.trading.flat import FlatReport
from airflow_provider_bitget.trading.flat_check import FlatAnswer
from airflow_provider_bitget.trading.open_orders import OpenOrdersReport
from airflow_provider_bitget.trading.order_list import OrderRef
from airflow_provider_bitget.trading.position_track import LOCKED, TOO_LARGE
from airflow_provider_bitget.trading.report import Bucket, CancelReport, OrderOutcome, Unresolved
from airflow_provider_bitget.trading.scope import Scope
from tests.airflow.dag_runs import DagOutcome, run_a_dag
from tests.airflow_version import AIRFLOW, connection_of, dag_bag, make_outlets_known, since
from tests.kinds import CLASSIC, KINDS, sandbox_of
from tests.unit.markdown import REPOSITORY, Page, code, codes, default_of, table_under, tables
from tests.unit.naming import named

README = Page("README.md")
START = Page("docs/start.md")
CONNECTION = Page("docs/connection.md")
DEMO_TRADING = Page("docs/demo-trading.md")
HOOK = Page("docs/hook.md")
TESTING = Page("docs/testing.md")
FAILURE = Page("docs/failure-and-retries.md")
BATCH_CANCEL = Page("docs/operators/batch-cancel.md")
LIST_OPEN_ORDERS = Page("docs/operators/list-open-orders.md")
CANCEL_ALL = Page("docs/operators/cancel-all-orders.md")
CLOSE_POSITIONS = Page("docs/operators/close-positions.md")
FLAT_SENSOR = Page("docs/sensors/flat.md")
FLATTEN = Page("docs/flatten.md")
LIMITS = Page("docs/limits.md")

PAGES = [
    *(Page(str(path.relative_to(REPOSITORY))) for path in sorted((REPOSITORY / "docs").rglob("*.md"))),
    README,
    Page("CHANGELOG.md"),
    Page("CONTRIBUTING.md"),
    Page("SECURITY.md"),
    Page("tests/system/README.md"),
]
each_page = pytest.mark.parametrize("page", PAGES, ids=str)

OPERATORS: Mapping[Page, Any] = {
    BATCH_CANCEL: BitgetBatchCancelOperator,
    LIST_OPEN_ORDERS: BitgetListOpenOrdersOperator,
    CANCEL_ALL: BitgetCancelAllOrdersOperator,
    CLOSE_POSITIONS: BitgetClosePositionsOperator,
    FLAT_SENSOR: BitgetFlatSensor,
}
with_operator = pytest.mark.parametrize(("page", "operator"), OPERATORS.items(), ids=str)


# ------------------------------------------------------------------------------------------------------ links


@each_page
def test_every_link_leads_to_a_file_and_to_a_heading_in_it(page: Page) -> None:
    lost = []
    for link in page.links():
        name, _, anchor = link.partition("#")
        target = page if not name else Page(os.path.relpath(page.path.parent / name, REPOSITORY))
        if not target.path.exists() or (anchor and anchor not in target.anchors()):
            lost.append(link)

    assert lost == []


@each_page
def test_links_to_other_sites_lead_to_public_documentation_over_https(page: Page) -> None:
    assert [link for link in page.outward_links() if not link.startswith("https://")] == []


def test_every_page_is_reached_from_the_map_and_from_the_readme() -> None:
    pages = {page.name for page in PAGES if page.name.startswith("docs/")}
    docs_map = Page("docs/index.md")

    from_the_map = {f"docs/{link.partition('#')[0]}" for link in docs_map.links()} | {docs_map.name}
    (rows,) = tables(README.section("Licence and where to look next"))
    from_the_readme = {name.partition("](")[2].rstrip(")") for name, _ in rows}

    assert pages - from_the_map == set()
    assert pages - from_the_readme == set()


# -------------------------------------------------------------------------------------------------- arguments


def parameters_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the names and defaults of a function's own parameters."""
    parameters = inspect.signature(inspect.unwrap(function)).parameters.values()
    return {one.name: one.default for one in parameters if one.kind is one.KEYWORD_ONLY}


def signature_of(page: Page) -> dict[str, Any]:
    if page == FLATTEN:
        return parameters_of(flatten_account.function)
    return parameters_of(OPERATORS[page].__init__)


def docstring_of(page: Page) -> str:
    return inspect.getdoc(flatten_account.function if page == FLATTEN else OPERATORS[page]) or ""


def arguments_in(page: Page) -> list[list[str]]:
    return table_under(page.section("Arguments"), "argument", "default", "templated", "meaning")


with_arguments = pytest.mark.parametrize("page", [*OPERATORS, FLATTEN], ids=str)


@with_arguments
def test_the_table_of_arguments_is_the_signature(page: Page) -> None:
    parameters = signature_of(page)
    assert "bitget_conn_id" in parameters

    told = {code(name): default_of(default) for name, default, *_ in arguments_in(page)}

    assert list(told) == list(parameters)
    assert told == parameters
    assert {name: type(default) for name, default in told.items()} == {
        name: type(default) for name, default in parameters.items()
    }


@with_arguments
def test_the_table_of_arguments_says_which_are_templated(page: Page) -> None:
    rows = arguments_in(page)
    told = {code(name) for name, _, templated, _ in rows if templated == "yes"}

    assert {templated for _, _, templated, _ in rows} == {"yes", "no"}
    assert told == set(re.findall(r":param (\w+): \(templated\)", docstring_of(page)))


@with_operator
def test_what_is_told_to_be_templated_is_a_template_field(page: Page, operator: Any) -> None:
    told = {code(name) for name, _, templated, _ in arguments_in(page) if templated == "yes"}

    assert told == set(operator.template_fields)


@with_operator
def test_a_page_says_where_to_import_from(page: Page, operator: type) -> None:
    # Whatever file it is written in: what users import is the module of its kind.
    kind = "sensors" if operator is BitgetFlatSensor else "operators"

    assert f"`airflow_provider_bitget.{kind}.bitget.{operator.__name__}`" in page.text


@with_arguments
def test_a_page_says_what_is_sent_what_a_retry_a_kill_and_a_partial_failure_do(page: Page) -> None:
    headings = re.findall(r"^## (.+)$", page.text, re.MULTILINE)

    asked = ["retry", "kill", "partial failure", "complete DAG"]
    assert [word for word in asked if not any(word in heading for heading in headings)] == []
    assert "https://www.bitget.com/api-doc/contract/" in page.text


ENDPOINTS = {
    endpoint.path.rpartition("/")[2]: endpoint
    for endpoint in vars(classic_endpoints).values()
    if isinstance(endpoint, Endpoint)
}


@with_arguments
def test_every_endpoint_is_named_with_its_method_its_limit_and_its_public_page(page: Page) -> None:
    rows = table_under(page.section("Phases" if page == FLATTEN else "What it sends"), "request", "limit")
    named = [(word.split(), cells) for cells in rows for word in codes(cells[0])]

    assert len(named) >= 2
    for (method, path), (request, limit, *_) in named:
        endpoint = ENDPOINTS[path.rpartition("/")[2]]
        assert method == endpoint.method
        assert endpoint.path.endswith(path)
        assert limit.removesuffix(" each") == f"{endpoint.limit:g}/s"
        assert "https://www.bitget.com/api-doc/contract/" in request


# ---------------------------------------------------------------------------------------------------- reports

SCOPE = Scope("USDT-FUTURES")
ORDER = OpenOrder("1", "", "BTCUSDT", {"side": "buy", "size": "1", "price": "2"}, "USDT")
STOP = OpenPlanOrder("2", "", "BTCUSDT", "pos_loss", "long", {}, "USDT")
HELD = Position("BTCUSDT", "long", Decimal(1), "USDT", True, Decimal(2), {})


def books_of(*parts: str) -> Books:
    return Books(
        orders=(ORDER,) if ORDERS in parts else (),
        plan_orders=(STOP,) if PLAN_ORDERS in parts else (),
        positions=(HELD,) if POSITIONS in parts else (),
        read_at=1.0,
        read_from=0.0,
        parts=frozenset(parts),
    )


def batch_cancel_report() -> dict[str, Any]:
    """Return a report with an order in each bucket; the rows of plan orders have some more keys."""
    ref = OrderRef("1", "", "BTCUSDT")
    return CancelReport("USDT-FUTURES", tuple(OrderOutcome(ref, bucket) for bucket in Bucket), verified=True).to_dict()


def list_report() -> dict[str, Any]:
    return OpenOrdersReport(SCOPE, books_of(ORDERS, PLAN_ORDERS)).to_dict()


def cancel_all_report() -> dict[str, Any]:
    ref = OrderRef("1", "", "BTCUSDT")
    return CancelAllReport(
        "USDT-FUTURES",
        tuple(OrderOutcome(ref, bucket) for bucket in Bucket),
        verified=True,
        scope=SCOPE,
        kept=(STOP,),
        books=(books_of(ORDERS, PLAN_ORDERS),),
    ).to_dict()


def close_report() -> dict[str, Any]:
    outcomes = [
        CloseOutcome("BTCUSDT", "long", "USDT", Decimal(1), Decimal(2), Decimal(0), bucket, note=note)
        for bucket in CloseBucket
        for note in ("", "note")
    ]
    return CloseReport(
        SCOPE, None, tuple(outcomes), verified=True, cancelled_stops=(STOP,), books=(books_of(POSITIONS),)
    ).to_dict()


def flat_answer() -> dict[str, Any]:
    return FlatAnswer(SCOPE, True, "", books_of(ORDERS, PLAN_ORDERS, POSITIONS)).to_dict()


def flatten_report() -> dict[str, Any]:
    """Return a report with a row in every list."""
    triggered = OrderOutcome(OrderRef("3", "", "BTCUSDT"), Bucket.ALREADY_CLOSED, "filled", child_id="4")
    lost = OrderOutcome(OrderRef("5", "", "BTCUSDT"), Bucket.UNRESOLVED, Unresolved.NOT_FOUND)
    cancel = CancelAllReport("USDT-FUTURES", (triggered, lost), verified=True, scope=SCOPE, kept=(STOP,))
    reports = {
        "cancel": cancel.to_dict(),
        "close": close_report(),
        "cancel_stops": cancel_all_report(),
        "sweep": None,
        "prove": FlatReport(SCOPE, False, 10.0, books=(books_of(ORDERS, PLAN_ORDERS, POSITIONS),)).to_dict(),
    }
    report = build_flatten_report(
        account="desk_a",
        product_types=["USDT-FUTURES"],
        phases=[{"task": task, "product_type": "USDT-FUTURES", "report": report} for task, report in reports.items()],
        simulated=False,
        ended=2.0,
    )
    # The task adds where it wrote the pages.
    return report | {"pages": {"html": "", "markdown": ""}}


REPORTS: Mapping[Page, Callable[[], dict[str, Any]]] = {
    BATCH_CANCEL: batch_cancel_report,
    LIST_OPEN_ORDERS: list_report,
    CANCEL_ALL: cancel_all_report,
    CLOSE_POSITIONS: close_report,
    FLAT_SENSOR: flat_answer,
    FLATTEN: flatten_report,
}
with_report = pytest.mark.parametrize(("page", "report"), REPORTS.items(), ids=named)


def example_report(page: Page) -> dict[str, Any]:
    (block,) = page.blocks("json")
    found: dict[str, Any] = json.loads(block)
    return found


def shapes(value: Any, path: str = "") -> dict[str, set[str]]:
    """Return the types of everything in a report by its path; the rows of a list share theirs."""
    found: dict[str, set[str]] = {}
    if isinstance(value, dict):
        inner = [(f"{path}.{key}", one) for key, one in value.items()]
    elif isinstance(value, list):
        inner = [(f"{path}[]", one) for one in value]
    else:
        # What is not known is None: a type of its own says nothing.
        return {path: {type(value).__name__} - {"NoneType"}}
    for key, one in inner:
        for where, types in shapes(one, key).items():
            found[where] = found.get(where, set()) | types
    return found


@with_report
def test_the_example_of_a_report_has_the_keys_of_a_report(page: Page, report: Callable[[], dict[str, Any]]) -> None:
    example = example_report(page)

    assert list(example) == list(report())


@with_report
def test_whatever_an_example_of_a_report_shows_is_in_a_report(page: Page, report: Callable[[], dict[str, Any]]) -> None:
    real = shapes(report())
    # Numbers of seconds are whole in some places and not in others; counts differ from phase to phase.
    told = {path: types for path, types in shapes(example_report(page)).items() if ".phases[].counts." not in path}

    assert {path for path in told if path not in real} == set()
    assert {path for path, types in told.items() if not types <= real[path]} == set()


@with_report
def test_the_counts_of_an_example_agree_with_its_lists(page: Page, report: Callable[[], dict[str, Any]]) -> None:
    example = example_report(page)

    buckets = ("cancelled", "already_closed", "closed", "failed", "unresolved")
    if "requested" in (counts := example.get("counts", {})):
        assert counts["requested"] == sum(counts.get(name, 0) for name in buckets)
        lists = ("already_closed", "closed", "failed", "unresolved")
        listed = {name: len(example[name]) for name in lists if name in example}
        assert listed == {name: counts[name] for name in listed}


def categories(page: Page, bucket: str) -> list[str]:
    rows = table_under(page.section("The report"), f"`category` in `{bucket}`")
    return [name for row in rows for name in codes(row[0])]


def test_the_tables_of_the_batch_cancel_explain_every_bucket_and_category() -> None:
    buckets = [code(row[0]) for row in table_under(BATCH_CANCEL.section("The report"), "bucket")]
    failed = categories(BATCH_CANCEL, "failed")

    assert buckets == [bucket.value for bucket in Bucket]
    assert categories(BATCH_CANCEL, "unresolved") == [reason.value for reason in Unresolved]
    assert len(failed) == len(set(failed)) == 6
    assert set(failed) < {category.value for category in ErrorCategory}


def test_the_tables_of_the_close_explain_every_bucket_and_category() -> None:
    buckets = [code(row[0]) for row in table_under(CLOSE_POSITIONS.section("The report"), "bucket")]
    failed, unresolved = categories(CLOSE_POSITIONS, "failed"), categories(CLOSE_POSITIONS, "unresolved")

    assert buckets == [bucket.value for bucket in CloseBucket]
    # A position is never looked up by an id: there is no "not found".
    assert set(unresolved) == {reason.value for reason in Unresolved} - {"not_found"}
    assert {LOCKED, TOO_LARGE} < set(failed)
    assert set(failed) - {LOCKED, TOO_LARGE} < {category.value for category in ErrorCategory}


def test_the_contract_explains_every_exception_of_a_task() -> None:
    rows = table_under(FAILURE.section("How a task fails"), "exception", "when")
    kinds = [kind for kind in vars(exceptions).values() if getattr(kind, "__module__", "") == exceptions.__name__]

    assert [code(row[0]) for row in rows] == [kind.__name__ for kind in kinds]
    retried = {code(row[0]): row[2] == "apply" for row in rows}
    assert retried == {kind.__name__: not issubclass(kind, AirflowFailException) for kind in kinds}
    carrying = {code(row[0]) for row in rows if "`.report`" in row[1]}
    assert carrying == {kind.__name__ for kind in kinds if "report" in inspect.signature(kind.__init__).parameters}


needs_policies = since(3, 3, "retry policies")


@needs_policies
def test_the_table_of_the_retry_policy_is_the_policy() -> None:
    rules: Any = bitget_retry_policy(soon=timedelta(seconds=1), later=timedelta(seconds=2)).rules
    pauses = {timedelta(seconds=1): "after `soon`", timedelta(seconds=2): "after `later`"}
    rows = table_under(FAILURE.section("A retry policy: Airflow 3.3"), "exception", "another try")
    told = {name: another for names, another in rows for name in codes(names)}
    kinds = {**vars(api_exceptions), **vars(exceptions)}

    for name, another in told.items():
        rule = next(rule for rule in rules if issubclass(kinds[name], tuple(rule._specs)))
        pause = pauses.get(rule.retry_delay, "after the task's `retry_delay`")
        assert another.partition(";")[0] == ("none" if rule.action.value == "fail" else pause), name
    # Every exception that a rule is written for has a row.
    assert {kind.__name__ for rule in rules for kind in rule._specs} <= set(told)
    assert rows[-1] == ["all others", "as without the policy"]


@pytest.mark.parametrize("page", [BATCH_CANCEL, CLOSE_POSITIONS], ids=str)
def test_the_example_of_a_report_uses_categories_that_the_tables_explain(page: Page) -> None:
    example = example_report(page)

    for bucket in ("failed", "unresolved"):
        assert {row["category"] for row in example[bucket]} <= set(categories(page, bucket))
    assert {row["state"] for row in example.get("already_closed", ())} <= {"filled", "cancelled"}


def test_every_type_of_plan_order_is_explained() -> None:
    (rows,) = tables(BATCH_CANCEL.section("Plan orders"))

    assert [code(name) for name, _ in rows] == list(PLAN_TYPES)


def test_every_key_of_the_flatten_report_is_explained() -> None:
    told = [name for row in table_under(FLATTEN.section("The report"), "key") for name in codes(row[0])]
    text = FLATTEN.section("The report") + FLATTEN.section("The page")

    assert set(told) - set(flatten_report()) == set()
    assert [key for key in flatten_report() if f"`{key}`" not in text] == []


@each_page
def test_every_python_block_compiles_without_a_warning(page: Page) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for block in page.blocks("python"):
            compile(block, page.name, "exec")


@each_page
def test_every_block_of_the_shell_can_be_read_by_one(page: Page) -> None:
    for block in page.blocks("bash"):
        # "bash -n" reads a program and runs nothing of it.
        read = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)  # noqa: S607
        assert (read.returncode, read.stderr) == (0, ""), block


@each_page
def test_every_block_of_json_is_json(page: Page) -> None:
    for block in page.blocks("json"):
        json.loads(block)


@each_page
def test_every_block_says_its_language_and_the_tests_know_it(page: Page) -> None:
    fences = re.findall(r"^ *```(.*)$", page.text, re.MULTILINE)

    # Every second one ends a block.
    assert set(fences[1::2]) <= {""}
    assert set(fences[::2]) <= {"python", "bash", "json", "text"}


# --------------------------------------------------------------------------------------------------- examples

Dags = Mapping[str, Any]
RunExample = Callable[..., DagOutcome]

EXAMPLES: Mapping[str, Page] = {
    "end_of_day": README,
    "close_of_day": START,
    "grid_stops": BATCH_CANCEL,
    "stale_orders": LIST_OPEN_ORDERS,
    "no_resting_orders": CANCEL_ALL,
    "no_weekend_shorts": CLOSE_POSITIONS,
    "wait_until_flat": FLAT_SENSOR,
    "flatten_at_midnight": FLATTEN,
    "flatten_desks": FLATTEN,
    "flatten_desk_a": FLATTEN,
    "transfers_of_desk_a": FLATTEN,
    "count_open_orders": FAILURE,
}
"""Every complete DAG of the documentation; each has a test below."""

READ_BY_THIS_AIRFLOW = {
    dag_id: page for dag_id, page in EXAMPLES.items() if dag_id != "count_open_orders" or AIRFLOW >= (3, 3)
}

SECONDS_SAVED: Mapping[str, Any] = {"retries": 0, "settle": 0.0, "settle_after_fill": 0.0, "lookback_days": 90}
"""What the examples wait for and the sandbox does not need."""


def test_every_complete_example_is_run() -> None:
    found = {
        dag_id: page
        for page in PAGES
        for block in page.blocks("python")
        for dag_id in re.findall(r"dag_id=\"(\w+)\"", block)
    }

    assert found == EXAMPLES


def is_a_dag(block: str) -> bool:
    return "dag_id=" in block


def is_a_test(block: str) -> bool:
    return "\ndef test_" in block


SCRIPTS = [
    pytest.param(kind, page, block, id=f"{kind}-{page}-{number}")
    for page in PAGES
    for number, block in enumerate(page.blocks("python"), 1)
    for kind in KINDS
    if not is_a_dag(block) and not is_a_test(block)
    # A path belongs to one kind of account.
    if kind == CLASSIC or "/api/v2/" not in block
]
"""Every block of Python that is neither a DAG, which Airflow runs, nor a test, which pytest runs in test_start.py."""


def test_every_test_to_paste_is_on_the_page_whose_tests_are_run() -> None:
    pages = [page for page in PAGES for block in page.blocks("python") if is_a_test(block)]

    assert pages == [TESTING]


@pytest.mark.parametrize(("sandbox", "page", "block"), SCRIPTS, indirect=["sandbox"])
def test_every_other_block_of_python_runs_as_it_stands(sandbox: Sandbox, page: Page, block: str) -> None:
    sandbox.place(3, "BTCUSDT")
    others = ids(sandbox.place(1, "ETHUSDT"))

    exec(compile(block, page.name, "exec"), {"__name__": "__main__"})  # noqa: S102

    # What none of them names is left alone.
    assert others <= ids(sandbox.open_orders())
    assert sandbox.requests


@pytest.mark.parametrize("dag_id", EXAMPLES)
def test_an_example_is_saved_under_the_name_of_its_dag(dag_id: str) -> None:
    assert f"`dags/{dag_id}.py`" in EXAMPLES[dag_id].text


@pytest.fixture(scope="module")
def dags(airflow_database: object) -> Iterator[Dags]:
    """Every complete DAG of the documentation, as Airflow reads it; a warning is an error."""
    # Airflow runs only what lies in its DAGs folder.
    folder = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]) / "of_the_documentation"
    folder.mkdir()
    for dag_id, page in READ_BY_THIS_AIRFLOW.items():
        (folder / f"{dag_id}.py").write_text(page.the_block("python", f'dag_id="{dag_id}"'))
    bag = dag_bag(str(folder))
    assert bag.import_errors == {}
    assert set(bag.dags) == set(READ_BY_THIS_AIRFLOW)
    make_outlets_known(bag)
    yield bag.dags
    shutil.rmtree(folder)


@pytest.fixture(params=KINDS)
def sandbox(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """An exchange with two accounts of a kind and empty books; the connections of the examples lead there."""
    with sandbox_of(request.param, accounts=2) as exchange:
        first, second = exchange.accounts
        monkeypatch.setenv("AIRFLOW_CONN_BITGET_DEFAULT", exchange.connection_json)
        monkeypatch.setenv("AIRFLOW_CONN_DESK_A", json.dumps(first.connection(exchange.url)))
        monkeypatch.setenv("AIRFLOW_CONN_DESK_B", json.dumps(second.connection(exchange.url)))
        yield exchange


@pytest.fixture
def run_example(dags: Dags, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> RunExample:
    """Return a function that runs an example to its end, in haste and with its pages in a temporary folder."""

    def run(dag_id: str) -> DagOutcome:
        for task in dags[dag_id].tasks:
            # A mapped task keeps its arguments in a dict.
            own = getattr(task, "partial_kwargs", None)
            in_haste = {**SECONDS_SAVED, "report_path": str(tmp_path)}
            # The proof looks for what may still go away until its deadline.
            in_haste |= {"deadline": 5.0} if ".prove_" in task.task_id else {}
            for name, value in in_haste.items():
                if isinstance(own, dict) and name in own:
                    monkeypatch.setitem(own, name, value)
                elif own is None and hasattr(task, name):
                    monkeypatch.setattr(task, name, value)
        return run_a_dag(dags, dag_id)

    return run


def test_the_table_of_phases_names_every_task_of_the_group_with_its_trigger_rule(dags: Dags) -> None:
    told = {code(name): code(rule) for name, _, rule in table_under(FLATTEN.section("Phases"), "task", "what it does")}

    tasks = {task.task_id.partition(".")[2]: task.trigger_rule.value for task in dags["flatten_desks"].tasks}

    assert told == {name.removesuffix("_usdt_futures"): rule for name, rule in tasks.items()}


def ids(rows: Any) -> set[str]:
    return {row["orderId"] for row in rows}


def test_the_example_of_the_batch_cancel_takes_the_strategys_orders_only(
    sandbox: Sandbox, run_example: RunExample
) -> None:
    sandbox.place(2, "BTCUSDT", client_oids=["grid-1", "grid-2"])
    sandbox.place_plan(1, "normal_plan", symbol="ETHUSDT", client_oids=["grid-3"])
    others = ids(sandbox.place(2, "BTCUSDT", client_oids=["mine-1", "mine-2"])) | ids(sandbox.place(1, "ETHUSDT"))
    plans = ids(sandbox.place_plan(1, "pos_loss", symbol="BTCUSDT", hold_side="long"))

    outcome = run_example("grid_stops")

    assert outcome.state == "success"
    assert outcome.task("cancel").result["counts"]["cancelled"] == 3
    assert ids(sandbox.open_orders()) == others
    assert ids(sandbox.open_plan_orders()) == plans
    assert outcome.task("read_report").result == outcome.task("cancel").result["counts"]


def test_the_example_of_the_batch_cancel_skips_when_there_is_nothing_to_cancel(
    sandbox: Sandbox, run_example: RunExample
) -> None:
    sandbox.place(1, "BTCUSDT")

    outcome = run_example("grid_stops")

    assert outcome.task("cancel").state == "skipped"
    assert outcome.task("read_report").state == "success"
    assert len(sandbox.open_orders()) == 1


def test_the_example_of_the_list_cancels_what_is_older_than_a_week(sandbox: Sandbox, run_example: RunExample) -> None:
    eight_days_ago = int((time.time() - 8 * 86_400) * 1000)
    sandbox.place(3, created_ms=eight_days_ago)
    sandbox.place_plan(2, "pos_profit", symbol="BTCUSDT", created_ms=eight_days_ago)
    young = ids(sandbox.place(2))
    young_plans = ids(sandbox.place_plan(1, "track_plan"))

    outcome = run_example("stale_orders")

    assert outcome.state == "success"
    assert outcome.task("cancel").result["counts"]["cancelled"] == 5
    assert ids(sandbox.open_orders()) == young
    assert ids(sandbox.open_plan_orders()) == young_plans


def test_the_example_of_cancel_all_leaves_the_excluded_symbol_and_the_stops(
    sandbox: Sandbox, run_example: RunExample
) -> None:
    sandbox.place(3, "ETHUSDT")
    bitcoin = ids(sandbox.place(2, "BTCUSDT"))
    stops = ids(sandbox.place_plan(1, "pos_loss", symbol="ETHUSDT", hold_side="short"))

    outcome = run_example("no_resting_orders")

    assert outcome.state == "success"
    assert outcome.task("cancel").result["counts"]["cancelled"] == 3
    assert ids(sandbox.open_orders()) == bitcoin
    assert ids(sandbox.open_plan_orders()) == stops


def test_the_example_of_the_close_closes_one_side_of_one_symbol(sandbox: Sandbox, run_example: RunExample) -> None:
    sandbox.place(2, "ETHUSDT")
    for name in ("ETHUSDT/short", "ETHUSDT/long", "BTCUSDT/short"):
        sandbox.open_position(*name.split("/"))

    outcome = run_example("no_weekend_shorts")

    assert outcome.state == "success"
    assert [row["holdSide"] for row in outcome.task("close").result["closed"]] == ["short"]
    assert sandbox.open_orders() == []
    left = {f"{row['symbol']}/{row['holdSide']}" for row in sandbox.positions()}
    assert left == {"ETHUSDT/long", "BTCUSDT/short"}


def test_the_example_of_the_sensor_goes_on_once_the_account_is_flat(sandbox: Sandbox, run_example: RunExample) -> None:
    outcome = run_example("wait_until_flat")

    assert outcome.state == "success"
    assert outcome.task("transfers_may_begin").result.startswith("USDT-FUTURES was flat at ")
    assert {record.method for record in sandbox.requests} == {"GET"}


def furnish(sandbox: Sandbox, **options: Any) -> None:
    """Give an account an order, a plan order and a position with its stop."""
    sandbox.place(2, "BTCUSDT", **options)
    sandbox.place_plan(1, "normal_plan", symbol="BTCUSDT", **options)
    sandbox.open_position("ETHUSDT", "long", **options)
    sandbox.place_plan(1, "pos_loss", symbol="ETHUSDT", hold_side="long", **options)


def is_flat(sandbox: Sandbox, **options: Any) -> bool:
    return not (sandbox.open_orders(**options) or sandbox.open_plan_orders(**options) or sandbox.positions(**options))


def test_the_example_of_the_group_flattens_two_product_types(
    sandbox: Sandbox, run_example: RunExample, tmp_path: Path
) -> None:
    furnish(sandbox)
    sandbox.place(1, "BTCPERP", "USDC-FUTURES")

    outcome = run_example("flatten_at_midnight")

    assert outcome.state == "success"
    assert is_flat(sandbox)
    assert outcome.task("transfers_may_begin").result == "flat"
    report = outcome.task("flatten_account.report").result
    assert (report["flat"], report["product_types"]) == (True, ["USDT-FUTURES", "USDC-FUTURES"])
    # What the page tells of every report holds for this one.
    assert set(report) == set(example_report(FLATTEN))
    assert {path.suffix for path in tmp_path.iterdir()} == {".html", ".md"}


def test_what_follows_the_group_does_not_run_when_nothing_is_proven(
    sandbox: Sandbox, run_example: RunExample, monkeypatch: pytest.MonkeyPatch
) -> None:
    furnish(sandbox)
    refused = {**sandbox.connection, "login": "a-key-that-was-taken-back"}
    monkeypatch.setenv("AIRFLOW_CONN_BITGET_DEFAULT", json.dumps(refused))

    outcome = run_example("flatten_at_midnight")

    assert outcome.state == "failed"
    assert outcome.task("transfers_may_begin").state == "upstream_failed"
    assert outcome.task("flatten_account.report").result["flat"] is False


def test_the_example_for_many_accounts_flattens_each_and_fails_for_the_one_that_is_not_flat(
    sandbox: Sandbox, run_example: RunExample, tmp_path: Path
) -> None:
    second = sandbox.accounts[1]
    furnish(sandbox)
    furnish(sandbox, account=second)
    sandbox.refuse_close("ETHUSDT", "long", "40888", account=second)

    outcome = run_example("flatten_desks")

    first_report, second_report = (one.result for one in outcome.mapped("flatten_account.report"))
    assert outcome.state == "failed"
    assert is_flat(sandbox)
    assert (first_report["account"], first_report["flat"]) == ("desk_a", True)
    assert (second_report["account"], second_report["flat"]) == ("desk_b", False)
    assert [row["symbol"] for row in second_report["stops_kept"]] == ["ETHUSDT"]
    assert len(sandbox.open_plan_orders(account=second)) == 1
    assert len([*tmp_path.iterdir()]) == 4


def test_the_example_of_a_group_that_tells_flattens_and_what_waits_for_it_hears_nothing_by_hand(
    sandbox: Sandbox, run_example: RunExample
) -> None:
    # That the one begins after the other, and what it hears then, is tried in Airflow itself: test_outlets.py.
    furnish(sandbox)

    flattened = run_example("flatten_desk_a")
    by_hand = run_example("transfers_of_desk_a")

    assert (flattened.state, by_hand.state) == ("success", "success")
    assert is_flat(sandbox)
    assert by_hand.task("begin_transfers").result == []


def test_the_page_of_the_group_names_what_the_events_hold() -> None:
    section = FLATTEN.section("A DAG that begins once the account is flat")
    (told,) = re.findall(r"The event's `extra` holds (.+?) \[of the report\]", section, re.DOTALL)

    assert codes(told) == list(flatten.IN_EVENTS)


@needs_policies
def test_the_example_of_the_retry_policy_counts(sandbox: Sandbox, run_example: RunExample) -> None:
    sandbox.place(3, "BTCUSDT")

    assert run_example("count_open_orders").task("count_open_orders").result == 3


def test_the_first_examples_of_readme_and_start_do_what_they_say(sandbox: Sandbox, run_example: RunExample) -> None:
    furnish(sandbox)

    cancelled = run_example("close_of_day")
    assert cancelled.state == "success"
    assert cancelled.task("read_report").result["cancelled"] == 2
    assert sandbox.open_orders() == []

    flattened = run_example("end_of_day")
    assert flattened.state == "success"
    assert is_flat(sandbox)


# ------------------------------------------------------------------------------------------------- connection


@pytest.fixture
def provider_info() -> Mapping[str, Any]:
    found: Mapping[str, Any] = runpy.run_path(str(REPOSITORY / "airflow_provider_bitget" / "get_provider_info.py"))[
        "get_provider_info"
    ]()
    return found


def test_the_table_of_fields_names_the_form_as_airflow_draws_it(provider_info: Mapping[str, Any]) -> None:
    connection_type = provider_info["connection-types"][0]
    labels = dict(connection_type["ui-field-behaviour"]["relabeling"])
    labels |= {f"extra.{name}": field["label"] for name, field in connection_type["conn-fields"].items()}

    rows = table_under(CONNECTION.section("What you need"), "what you hold")
    told = {codes(in_json)[0]: label for _, label, in_json in rows}

    assert told == labels


BITGETS = '"conn_type": "bitget"'


def connections_in(page: Page) -> list[str]:
    """Return the connections in the lines to paste, as a shell reads them."""
    lines = [line for block in page.blocks("bash") for line in block.splitlines() if BITGETS in line]
    words = [word for line in lines for word in shlex.split(line)]
    return [word.partition("=")[2] if "=" in word else word for word in words if BITGETS in word]


@pytest.mark.parametrize("page", [CONNECTION, DEMO_TRADING, LIMITS], ids=str)
def test_every_line_to_paste_is_a_connection_to_bitget(page: Page) -> None:
    found = connections_in(page)

    assert found
    for text in found:
        connection = connection_of(text, "bitget_default")
        settings = read_connection(connection, connection.extra_dejson)
        assert connection.conn_type == "bitget"
        assert (settings.credentials.key, settings.credentials.secret) == ("<API key>", "<API secret>")
        assert settings.credentials.passphrase == "<API passphrase>"
        assert settings.base_url == "https://api.bitget.com"


def test_the_first_line_to_paste_is_of_demo_trading() -> None:
    for page in (CONNECTION, DEMO_TRADING):
        first = connection_of(connections_in(page)[0], "bitget_default")
        assert read_connection(first, first.extra_dejson).demo_trading is True


# ------------------------------------------------------------------------------------------------------- hook


def test_the_page_of_the_hook_names_its_methods_and_their_arguments() -> None:
    (rows,) = tables(HOOK.text)
    calls = [call for name, _ in rows for call in re.findall(r"`(\w+)\(([^)`]*)\)`", name)]

    assert {"list_open_orders", "list_positions", "cancel_all_orders", "close_positions"} <= {name for name, _ in calls}
    for name, arguments in calls:
        known = inspect.signature(getattr(BitgetHook, name)).parameters
        assert set(re.findall(r"\w+", arguments)) - set(known) == set()
