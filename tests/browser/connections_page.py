# SPDX-License-Identifier: Apache-2.0
"""Airflow's page of connections, as far as a person uses it: fill the form, save, edit, press Test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, expect

STANDARD, EXTRA, EXTRA_AS_JSON = "Standard Fields", "Extra Fields", "Extra Fields JSON"
GREEN, RED = "rgb(0, 128, 0)", "rgb(255, 0, 0)"


@dataclass(frozen=True)
class Entry:
    """What a person types into the form; of the sandbox's account, unless they err."""

    conn_id: str
    base_url: str
    port: int
    key: str
    secret: str = field(repr=False)
    passphrase: str = field(repr=False)
    account_mode: str = "auto"

    @classmethod
    def of(cls, connection: Mapping[str, Any], conn_id: str, **changes: Any) -> Entry:
        """Return the entry for a connection of the sandbox."""
        url = urlsplit(connection["host"])
        return cls(
            **{
                "conn_id": conn_id,
                "base_url": f"{url.scheme}://{url.hostname}",
                "port": url.port,
                "key": connection["login"],
                "secret": connection["password"],
                "passphrase": connection["extra"]["passphrase"],
                **changes,
            }
        )


@dataclass(frozen=True)
class Answer:
    """What the Test button's request got."""

    status: int
    succeeded: bool
    message: str


class ConnectionForm:
    """The dialog for one connection. Opening one of its sections closes the others."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.dialog = page.get_by_role("dialog")
        self.dialog.wait_for()

    def choose_bitget(self, conn_id: str) -> None:
        self.dialog.get_by_label("Connection ID").fill(conn_id)
        self.dialog.get_by_role("combobox", name="Connection Type").fill("bitget")
        self._page.get_by_role("option", name="Bitget", exact=True).click()

    def open(self, section: str) -> None:
        head = self.dialog.get_by_role("button", name=section, exact=True)
        if head.get_attribute("aria-expanded") != "true":
            head.click()
        expect(head).to_have_attribute("aria-expanded", "true")

    def standard_field(self, label: str) -> Locator:
        return self.dialog.get_by_label(label, exact=True)

    def extra_field(self, name: str) -> Locator:
        # Airflow's labels of extra text fields lead to no field.
        return self.dialog.locator(f"#element_{name}")

    def fill(self, entry: Entry) -> None:
        self.choose_bitget(entry.conn_id)
        self.open(STANDARD)
        self.standard_field("Base URL").fill(entry.base_url)
        self.standard_field("Port").fill(str(entry.port))
        self.standard_field("API key").fill(entry.key)
        self.standard_field("API secret").fill(entry.secret)
        self.open(EXTRA)
        self.extra_field("passphrase").fill(entry.passphrase)
        if entry.account_mode != "auto":
            self.dialog.get_by_role("combobox", name="Account mode").click()
            self._page.get_by_role("option", name=entry.account_mode, exact=True).click()

    def save(self) -> tuple[int, str]:
        """Press Save, and return status and text of what Airflow answered."""
        with self._page.expect_response(
            lambda answer: "/api/v2/connections" in answer.url and answer.request.method in ("POST", "PATCH")
        ) as answered:
            self.dialog.get_by_role("button", name="Save").click()
        status, text = answered.value.status, answered.value.text()
        self.dialog.wait_for(state="hidden")
        return status, text


class ConnectionsPage:
    """The list of connections."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.visit()

    def visit(self) -> None:
        """Load the page anew: what was told before is gone."""
        self._page.goto("/connections")
        self._page.get_by_role("button", name="Add Connection").wait_for()

    def add(self) -> ConnectionForm:
        self._page.get_by_role("button", name="Add Connection").click()
        return ConnectionForm(self._page)

    def edit(self, conn_id: str) -> ConnectionForm:
        self._row(conn_id).get_by_role("button", name="Edit Connection").click()
        return ConnectionForm(self._page)

    def press_test(self, conn_id: str) -> Answer:
        button = self._button(conn_id)
        with self._page.expect_response("**/api/v2/connections/test") as answered:
            button.click()
        body = answered.value.json()
        return Answer(answered.value.status, body.get("status") is True, str(body.get("message", body)))

    def shows_verdict(self, conn_id: str, *, succeeded: bool, message: str) -> None:
        """Look at the words that appear, and at the colour of the button."""
        told = self._page.locator("[data-scope=toast][data-part=root]").filter(has_text="Test Connection")
        # Under the pointer it stays.
        told.hover()
        expect(told).to_contain_text("Successful" if succeeded else "Failed")
        expect(told).to_contain_text(message)
        expect(self._button(conn_id).locator("svg")).to_have_css("color", GREEN if succeeded else RED)

    def _row(self, conn_id: str) -> Locator:
        return self._page.get_by_role("row").filter(has=self._page.get_by_text(conn_id, exact=True))

    def _button(self, conn_id: str) -> Locator:
        return self._row(conn_id).get_by_role("button", name="Test Connection")
