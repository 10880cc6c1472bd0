# SPDX-License-Identifier: Apache-2.0
"""What Airflow shows of this provider: its metadata, its connection form, ``airflow providers``."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
import subprocess
import sys
import types
from importlib import metadata, resources
from typing import Any

import jsonschema
import pytest

from airflow_provider_bitget import get_provider_info as provider_info_module
from airflow_provider_bitget.get_provider_info import get_provider_info
from tests.airflow_version import AIRFLOW, since

DISTRIBUTION = "airflow-provider-bitget"
STANDARD_LABELS = {"login": "API key", "password": "API secret", "host": "Base URL", "port": "Port"}
FIELD_LABELS = {
    "passphrase": "API passphrase",
    "demo_trading": "Demo trading",
    "account_mode": "Account mode",
    "requests_per_second": "Requests per second",
    "timeout": "Timeout (seconds)",
    "rate_limit_conn_id": "Rate limit connection",
    "rate_limit_group": "Rate limit group",
    "rate_limit_fallback_share": "Rate limit fallback share",
}

Info = dict[str, Any]


@pytest.fixture
def info() -> Info:
    return get_provider_info()


@pytest.fixture
def connection_type(info: Info) -> Info:
    (only,) = info["connection-types"]
    return only


def airflow_schema(name: str) -> Info:
    return json.loads(resources.files("airflow").joinpath(name).read_text())


# -------------------------------------------------------------------------------------------------- metadata


def test_metadata_follows_the_schema_that_airflow_checks_at_start(info: Info) -> None:
    jsonschema.validate(info, airflow_schema("provider_info.schema.json"))


@pytest.mark.parametrize("section", ["connection-types", "integrations", "hooks", "operators", "sensors", "triggers"])
def test_metadata_follows_the_stricter_schema_of_airflows_own_providers(info: Info, section: str) -> None:
    schema = airflow_schema("provider.yaml.schema.json")

    jsonschema.validate(info[section], schema["properties"][section])


@since(3, 0, "its schema names the sections that its own providers have")
def test_metadata_has_only_sections_that_airflow_reads(info: Info) -> None:
    known = airflow_schema("provider_info.schema.json")["properties"]

    assert set(info) <= set(known)


def test_package_name_is_the_distributions_name(info: Info) -> None:
    assert info["package-name"] == metadata.metadata(DISTRIBUTION)["Name"] == DISTRIBUTION


def test_entry_point_leads_to_the_metadata(info: Info) -> None:
    (entry_point,) = [
        entry_point
        for entry_point in metadata.entry_points(group="apache_airflow_provider")
        if entry_point.dist is not None and entry_point.dist.name == DISTRIBUTION
    ]

    assert entry_point.load()() == info


def test_metadata_module_imports_nothing() -> None:
    tree = ast.parse(resources.files("airflow_provider_bitget").joinpath("get_provider_info.py").read_text())

    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "__import__"]
    assert provider_info_module.__name__ == "airflow_provider_bitget.get_provider_info"


def test_every_module_and_class_named_in_the_metadata_exists(info: Info, connection_type: Info) -> None:
    for section in ("hooks", "operators", "sensors", "triggers"):
        for integration in info[section]:
            for module in integration["python-modules"]:
                assert importlib.import_module(module).__name__ == module
    module, _, class_name = connection_type["hook-class-name"].rpartition(".")
    hook = getattr(importlib.import_module(module), class_name)

    assert hook.conn_type == connection_type["connection-type"] == "bitget"
    assert hook.hook_name == connection_type["hook-name"] == "Bitget"
    assert hook.conn_name_attr == "bitget_conn_id"
    assert hook.default_conn_name == "bitget_default"
    assert callable(hook.test_connection)


# ------------------------------------------------------------------------------------------- connection form


def test_form_asks_for_every_field_of_the_connection(connection_type: Info) -> None:
    assert {name: field["label"] for name, field in connection_type["conn-fields"].items()} == FIELD_LABELS


def test_form_hides_what_a_user_types_into_the_passphrase(connection_type: Info) -> None:
    assert connection_type["conn-fields"]["passphrase"]["schema"]["format"] == "password"


def test_form_offers_demo_trading_as_a_switch_that_is_off(
    connection_type: Info,
) -> None:
    schema = connection_type["conn-fields"]["demo_trading"]["schema"]

    assert schema == {"type": ["boolean", "null"], "default": False}


def test_form_may_be_saved_with_every_field_empty(connection_type: Info) -> None:
    for name, field in connection_type["conn-fields"].items():
        assert "null" in field["schema"]["type"], name


@since(3, 1, "a form with a provider's own fields; 3.0 draws them only beside Flask-AppBuilder")
def test_airflow_3_draws_the_form_from_the_metadata_and_since_3_3_without_importing_the_hook() -> None:
    program = """
import json, sys
from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService
(form,) = [form for form in HookMetaService.hook_meta_data() if form.connection_type == "bitget"]
print(json.dumps({
    "form": form.model_dump(mode="json"),
    "imported": [name for name in sys.modules if name.startswith("airflow_provider_bitget.")],
}))
"""
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    shown = json.loads(output.splitlines()[-1])

    if AIRFLOW >= (3, 3):
        assert shown["imported"] == ["airflow_provider_bitget.get_provider_info"]
    form = shown["form"]
    assert form["hook_name"] == "Bitget"
    standard = form["standard_fields"]
    assert {name: standard[name]["title"] for name in STANDARD_LABELS} == STANDARD_LABELS
    assert standard["url_schema"]["hidden"] is True
    # Without a port, the Test button of Airflow 3.3.1 and 3.3.2 refuses to test.
    assert standard["port"]["hidden"] is False
    assert standard["host"]["placeholder"] == "https://api.bitget.com"
    fields = form["extra_fields"]
    assert {name: field["schema"]["title"] for name, field in fields.items()} == FIELD_LABELS
    assert fields["passphrase"]["schema"]["format"] == "password"
    # Before 3.2, the form comes from the methods for Airflow 2, where a default is a text.
    assert str(fields["timeout"]["value"]) == "10"


class _FormModules:
    """Just enough of the libraries that draw Airflow 2.11's form, for a machine that has Airflow 3."""

    def __init__(self) -> None:
        class Field:
            def __init__(self, label: Any = None, validators: Any = None, **options: Any) -> None:
                self.label = label
                self.validators = list(validators or [])
                self.options = options

        def anything(name: str) -> type:
            return type(name, (Field,), {})

        self.modules: dict[str, types.ModuleType] = {}
        self._add("flask_appbuilder")
        self._add(
            "flask_appbuilder.fieldwidgets",
            **{
                name: anything(name)
                for name in (
                    "BS3PasswordFieldWidget",
                    "BS3TextAreaFieldWidget",
                    "BS3TextFieldWidget",
                    "Select2Widget",
                )
            },
        )
        self._add("flask_babel", lazy_gettext=str, gettext=str)
        validators = {name: anything(name) for name in ("AnyOf", "InputRequired", "NumberRange", "Optional")}
        validators |= {name.lower(): validator for name, validator in validators.items()}
        validators["any_of"] = validators["AnyOf"]
        validators["number_range"] = validators["NumberRange"]
        self._add("wtforms.validators", **validators)
        fields = {
            name: anything(name)
            for name in (
                "BooleanField",
                "DecimalField",
                "FloatField",
                "IntegerField",
                "PasswordField",
                "SelectField",
                "StringField",
            )
        }
        self._add("wtforms.fields", **fields)
        self._add("wtforms", validators=self.modules["wtforms.validators"], **fields)

    def _add(self, name: str, **attributes: Any) -> None:
        module = types.ModuleType(name)
        module.__path__ = []
        for attribute, value in attributes.items():
            setattr(module, attribute, value)
        self.modules[name] = module


@pytest.fixture
def form_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the hook the libraries of 2.11's form, the real ones where they are installed."""
    if importlib.util.find_spec("flask_appbuilder") is None:
        for name, module in _FormModules().modules.items():
            monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.usefixtures("form_libraries")
def test_airflow_2_draws_the_same_extra_fields_as_airflow_3(connection_type: Info) -> None:
    from airflow_provider_bitget.hooks.bitget import BitgetHook

    widgets = BitgetHook.get_connection_form_widgets()

    assert list(widgets) == list(connection_type["conn-fields"])
    assert {name: label_of(widget) for name, widget in widgets.items()} == FIELD_LABELS


def label_of(widget: Any) -> str:
    """Return a field's label; the real library keeps it in the arguments until a form is drawn."""
    label = widget.args[0] if hasattr(widget, "args") else widget.label
    return str(label)


@pytest.mark.usefixtures("form_libraries")
def test_airflow_2_and_airflow_3_relabel_hide_and_explain_the_same_standard_fields(
    connection_type: Info,
) -> None:
    from airflow_provider_bitget.hooks.bitget import BitgetHook

    python = BitgetHook.get_ui_field_behaviour()
    declared = connection_type["ui-field-behaviour"]

    assert sorted(python["hidden_fields"]) == sorted(declared["hidden-fields"]) == ["schema"]
    assert python["relabeling"] == declared["relabeling"] == STANDARD_LABELS
    assert python["placeholders"] == declared["placeholders"]


# ----------------------------------------------------------------------------------------- registration, CLI


@pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated")
def test_airflow_finds_the_provider_and_its_hook() -> None:
    from airflow.providers_manager import ProvidersManager

    manager = ProvidersManager()

    assert manager.providers[DISTRIBUTION].version == metadata.version(DISTRIBUTION)
    shown: Any
    if AIRFLOW >= (3, 3):
        (shown,) = [
            connection_type
            for connection_type in manager.iter_connection_type_hook_ui_metadata()
            if connection_type.connection_type == "bitget"
        ]
    else:
        shown = manager.hooks["bitget"]
    assert shown.hook_name == "Bitget"
    assert shown.hook_class_name == "airflow_provider_bitget.hooks.bitget.BitgetHook"


def test_airflow_providers_commands_show_the_provider(airflow_database: object) -> None:
    program = """
import json, sys
from airflow.cli.cli_parser import get_parser
from contextlib import redirect_stdout
from io import StringIO
shown = {}
package = "airflow-provider-bitget"
for command in (["list"], ["get", package, "--full"], ["hooks"], ["widgets"], ["behaviours"]):
    arguments = get_parser().parse_args(["providers", *command, "--output", "json"])
    with redirect_stdout(StringIO()) as output:
        arguments.func(arguments)
    shown[command[0]] = json.loads(output.getvalue())
print(json.dumps(shown))
"""
    output = subprocess.run(
        [sys.executable, "-W", "error:::airflow_provider_bitget", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    shown = json.loads(output.splitlines()[-1])

    (listed,) = [row for row in shown["list"] if row["package_name"] == DISTRIBUTION]
    assert listed["version"] == metadata.version(DISTRIBUTION)
    assert DISTRIBUTION in json.dumps(shown["get"])
    (hook,) = [row for row in shown["hooks"] if row["connection_type"] == "bitget"]
    assert hook["class"] == "airflow_provider_bitget.hooks.bitget.BitgetHook"
    assert hook["conn_id_attribute_name"] == "bitget_conn_id"
    assert hook["package_name"] == DISTRIBUTION
    if AIRFLOW in ((3, 0), (3, 1)):
        # The other two commands tell what Flask-AppBuilder would draw, and these versions come without it.
        return
    assert {"field_behaviours": "bitget"} in shown["behaviours"]
    widgets = [row for row in shown["widgets"] if row["package_name"] == DISTRIBUTION]
    assert sorted(row["connection_parameter_name"] for row in widgets) == sorted(
        f"extra__bitget__{name}" for name in FIELD_LABELS
    )
