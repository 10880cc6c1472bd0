# SPDX-License-Identifier: Apache-2.0
"""A person adds a connection in Airflow's form, cannot read its secrets back, and presses Test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from airflow_provider_bitget.get_provider_info import get_provider_info
from airflow_provider_bitget.sandbox import Sandbox
from airflow_provider_bitget.sandbox.accounts import AccountMode
from tests.browser.conftest import Camera
from tests.browser.connections_page import EXTRA, EXTRA_AS_JSON, STANDARD, ConnectionsPage, Entry

CONN_ID = "bitget_default"
MASKED = "***"

Exchanges = Mapping[AccountMode, Sandbox]


def entry_of(exchanges: Exchanges, account_mode: AccountMode = "classic", **changes: Any) -> Entry:
    return Entry.of(exchanges[account_mode].connection, CONN_ID, account_mode=account_mode, **changes)


def typed_in(page: Page) -> str:
    """Return all that the window holds: its text, its markup, and what stands in its fields."""
    fields: list[str] = page.eval_on_selector_all("input, textarea", "found => found.map(one => one.value)")
    return "\n".join([page.content(), *fields])


def without_secrets(text: str, entry: Entry) -> bool:
    """Whether neither secret is in it. No more than that is said about a text that may hold one."""
    return entry.secret not in text and entry.passphrase not in text


def test_form_asks_for_what_bitget_gave_by_its_names(
    connections: ConnectionsPage, exchanges: Exchanges, page: Page, picture: Camera
) -> None:
    info: Any = get_provider_info()
    declared = info["connection-types"][0]
    entry = entry_of(exchanges)
    page.set_viewport_size({"width": 1280, "height": 880})
    form = connections.add()
    form.choose_bitget(CONN_ID)

    for name, label in declared["ui-field-behaviour"]["relabeling"].items():
        expect(form.standard_field(label)).to_be_visible()
        expect(form.standard_field(label)).to_have_attribute(
            "placeholder", declared["ui-field-behaviour"]["placeholders"][name]
        )
    expect(form.standard_field("Schema")).to_have_count(0)
    form.standard_field("API key").fill(entry.key)
    form.standard_field("API secret").fill(entry.secret)
    form.standard_field("Port").fill("443")
    expect(form.standard_field("API secret")).to_have_attribute("type", "password")
    picture("connection-form")

    form.open(EXTRA)
    for field in declared["conn-fields"].values():
        expect(form.dialog.get_by_text(field["label"], exact=True)).to_be_visible()
        expect(form.dialog.get_by_text(field["description"], exact=True)).to_be_visible()
    form.extra_field("passphrase").fill(entry.passphrase)
    expect(form.extra_field("passphrase")).to_have_attribute("type", "password")
    picture("connection-form-extra")


@pytest.mark.parametrize("account_mode", ["classic", "unified"])
def test_test_button_says_that_the_exchange_took_the_credentials(
    connections: ConnectionsPage, exchanges: Exchanges, picture: Camera, account_mode: AccountMode
) -> None:
    entry = entry_of(exchanges, account_mode)
    form = connections.add()
    form.fill(entry)
    assert form.save()[0] == 201
    connections.visit()

    answer = connections.press_test(CONN_ID)

    assert (answer.status, answer.succeeded) == (200, True), answer.message
    assert answer.message.startswith("Bitget accepted API key, secret and passphrase")
    assert f"The account is a {account_mode} one." in answer.message
    connections.shows_verdict(CONN_ID, succeeded=True, message=f"The account is a {account_mode} one.")
    if account_mode == "classic":
        picture("connection-test-success")


@pytest.mark.parametrize("account_mode", ["classic", "unified"])
def test_wrong_passphrase_is_named_by_the_test_button(
    connections: ConnectionsPage, exchanges: Exchanges, page: Page, picture: Camera, account_mode: AccountMode
) -> None:
    entry = entry_of(exchanges, account_mode, passphrase="not-the-one-of-this-key")
    form = connections.add()
    form.fill(entry)
    form.save()
    connections.visit()

    answer = connections.press_test(CONN_ID)

    assert (answer.status, answer.succeeded) == (200, False), answer.message
    assert "passphrase" in answer.message
    assert without_secrets(answer.message, entry)
    connections.shows_verdict(CONN_ID, succeeded=False, message="passphrase")
    assert without_secrets(typed_in(page), entry)
    if account_mode == "classic":
        picture("connection-test-failure")


def test_neither_secret_can_be_read_back(connections: ConnectionsPage, exchanges: Exchanges, page: Page) -> None:
    entry = entry_of(exchanges)
    form = connections.add()
    form.fill(entry)
    _, saved = form.save()
    connections.visit()

    answers = [saved]
    answers += [page.request.get(f"/api/v2/connections{path}").text() for path in ("", f"/{CONN_ID}")]
    form = connections.edit(CONN_ID)
    form.open(STANDARD)
    expect(form.standard_field("API secret")).to_have_value(MASKED)
    windows = [typed_in(page)]
    form.open(EXTRA)
    expect(form.extra_field("passphrase")).to_have_value(MASKED)
    windows.append(typed_in(page))
    # The eye beside the field shows what is in it.
    _eye_of(form.extra_field("passphrase")).click()
    expect(form.extra_field("passphrase")).to_have_attribute("type", "text")
    windows.append(typed_in(page))
    form.open(EXTRA_AS_JSON)
    expect(form.dialog).to_contain_text(f'"passphrase": "{MASKED}"')
    windows.append(typed_in(page))

    assert [entry.key in text for text in answers] == [True, True, True]
    assert [without_secrets(text, entry) for text in answers + windows] == [True] * 7


def test_another_field_is_changed_without_typing_the_secrets_again(
    connections: ConnectionsPage, exchanges: Exchanges, page: Page
) -> None:
    form = connections.add()
    form.fill(entry_of(exchanges))
    form.save()
    connections.visit()

    form = connections.edit(CONN_ID)
    form.open(EXTRA)
    form.dialog.get_by_role("spinbutton", name="Timeout (seconds)").fill("5")
    assert form.save()[0] == 200

    assert '"timeout\\": 5' in page.request.get(f"/api/v2/connections/{CONN_ID}").text()
    connections.visit()
    answer = connections.press_test(CONN_ID)
    assert answer.succeeded, answer.message


def _eye_of(field: Locator) -> Locator:
    return field.locator("xpath=ancestor::*[.//button][1]").get_by_role("button")
