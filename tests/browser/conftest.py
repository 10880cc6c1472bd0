# SPDX-License-Identifier: Apache-2.0
"""A real Airflow over SQLite, the sandbox, and a person's browser. Everything is started and ended here."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from airflow_provider_bitget.sandbox import Sandbox
from airflow_provider_bitget.sandbox.accounts import ACCOUNT_MODES, AccountMode
from airflow_provider_bitget.sandbox.demo_books import RULES
from tests.airflow.airflow_processes import AirflowProcesses
from tests.browser.connections_page import ConnectionsPage

REPOSITORY = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which(os.environ.get("CHROMIUM") or "chromium") or ""
PICTURES = Path(os.environ.get("PICTURES") or REPOSITORY / "docs" / "assets")
LARGEST_PICTURE = 200_000
PATIENCE_MS = 20_000
# One may stay for a while after the pointer has left.
NO_TOOLTIPS = "[data-scope=tooltip][data-part=content] { display: none !important; }"

Camera = Callable[[str], None]


@pytest.fixture(scope="session")
def exchanges() -> Iterator[Mapping[AccountMode, Sandbox]]:
    """An exchange for each kind of account."""
    classic, unified = (Sandbox(account_mode=mode, **RULES) for mode in ACCOUNT_MODES)
    with classic, unified:
        yield {"classic": classic, "unified": unified}


@pytest.fixture(scope="session")
def airflow() -> Iterator[AirflowProcesses]:
    """Airflow, with Test buttons, and with the example DAGs switched off."""
    # Not pytest's folder: its name holds the user's, and a report names the folder of its pages.
    home = Path(tempfile.mkdtemp(prefix="airflow-"))
    more = {"AIRFLOW__CORE__TEST_CONNECTION": "Enabled", "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True"}
    try:
        with AirflowProcesses(home, REPOSITORY / "example_dags", more) as processes:
            yield processes
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    assert CHROMIUM, "chromium is missing: make test-browser says how to get it"
    with sync_playwright() as playwright:
        # Chromium refuses its own sandbox to root; it sees nothing but the loopback here.
        options = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-proxy-server"]
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser, airflow: AirflowProcesses) -> Iterator[Page]:
    """A window of a person who has not been here before."""
    context = browser.new_context(
        base_url=airflow.url,
        viewport={"width": 1280, "height": 800},
        color_scheme="light",
        reduced_motion="reduce",
        locale="en-US",
        timezone_id="UTC",
        permissions=["clipboard-read", "clipboard-write"],
    )
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


@pytest.fixture
def connections(page: Page) -> Iterator[ConnectionsPage]:
    """The page of connections, which is empty again afterwards."""
    yield ConnectionsPage(page)
    for row in page.request.get("/api/v2/connections").json()["connections"]:
        page.request.delete(f"/api/v2/connections/{row['connection_id']}")


@pytest.fixture
def picture(page: Page) -> Camera:
    """Keep what the window shows as a picture of the documentation."""

    def take(name: str) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        path = PICTURES / f"{name}.png"
        page.screenshot(path=path, animations="disabled", caret="hide", style=NO_TOOLTIPS)
        assert path.stat().st_size < LARGEST_PICTURE, f"{path.name} is too large for a page"

    return take
