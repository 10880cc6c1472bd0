# SPDX-License-Identifier: Apache-2.0
"""What Airflow knows about this provider without importing anything of it.

Every Airflow process reads this module when it looks for providers, and Airflow 3 draws the connection form
from it. It therefore imports nothing. Airflow 2.11 draws the same form from two methods of the hook.
"""

_INTEGRATION = "Bitget"


def get_provider_info() -> dict[str, object]:
    """Return the provider's metadata, in the shape of Airflow's ``provider_info.schema.json``."""
    return {
        "package-name": "airflow-provider-bitget",
        "name": "Bitget",
        "description": "`Bitget <https://www.bitget.com>`__ futures: cancel orders, close positions, prove it.",
        "integrations": [
            {
                "integration-name": _INTEGRATION,
                "external-doc-url": "https://www.bitget.com/api-doc/contract/intro",
                "tags": ["service"],
            }
        ],
        "hooks": [
            {
                "integration-name": _INTEGRATION,
                "python-modules": ["airflow_provider_bitget.hooks.bitget"],
            }
        ],
        "operators": [
            {
                "integration-name": _INTEGRATION,
                "python-modules": [
                    "airflow_provider_bitget.operators.bitget",
                    "airflow_provider_bitget.operators.flatten",
                ],
            }
        ],
        "sensors": [
            {
                "integration-name": _INTEGRATION,
                "python-modules": ["airflow_provider_bitget.sensors.bitget"],
            }
        ],
        "triggers": [
            {
                "integration-name": _INTEGRATION,
                "python-modules": ["airflow_provider_bitget.triggers.bitget"],
            }
        ],
        "connection-types": [
            {
                "connection-type": "bitget",
                "hook-class-name": "airflow_provider_bitget.hooks.bitget.BitgetHook",
                "hook-name": "Bitget",
                "ui-field-behaviour": {
                    # Not the port: without one, the Test button of Airflow 3.3.1 and 3.3.2 refuses to test
                    # (https://github.com/apache/airflow/pull/73298).
                    "hidden-fields": ["schema"],
                    "relabeling": {"login": "API key", "password": "API secret", "host": "Base URL", "port": "Port"},
                    "placeholders": {
                        "host": "https://api.bitget.com",
                        "port": "443: the Test button of Airflow 3.3 needs it",
                        "login": "bg_...",
                        "password": "the secret shown once, when the key was made",
                    },
                },
                "conn-fields": {
                    "passphrase": {
                        "label": "API passphrase",
                        "description": "The passphrase that was chosen when the key was made.",
                        "schema": {"type": ["string", "null"], "format": "password"},
                    },
                    "demo_trading": {
                        "label": "Demo trading",
                        "description": "Trade with demo money. The key must be a demo key.",
                        "schema": {"type": ["boolean", "null"], "default": False},
                    },
                    "account_mode": {
                        "label": "Account mode",
                        "description": "auto: the exchange's answers tell. Set it to save a request per task.",
                        "schema": {
                            "type": ["string", "null"],
                            "enum": ["auto", "classic", "unified"],
                            "default": "auto",
                        },
                    },
                    "requests_per_second": {
                        "label": "Requests per second",
                        "description": (
                            "A ceiling of your own: every endpoint runs at the lower of this and its "
                            "documented limit. Empty: the documented limits."
                        ),
                        "schema": {"type": ["number", "null"], "minimum": 0.1},
                    },
                    "timeout": {
                        "label": "Timeout (seconds)",
                        "description": "How long a request may wait for its answer.",
                        "schema": {"type": ["number", "null"], "default": 10, "minimum": 1, "maximum": 120},
                    },
                    "rate_limit_conn_id": {
                        "label": "Rate limit connection",
                        "description": (
                            "Id of a connection of type redis, through which all workers share one limit. "
                            "Empty: each process has a limit of its own."
                        ),
                        "schema": {"type": ["string", "null"]},
                    },
                    "rate_limit_group": {
                        "label": "Rate limit group",
                        "description": "A name that joins the limits of different keys of one user.",
                        "schema": {"type": ["string", "null"]},
                    },
                    "rate_limit_fallback_share": {
                        "label": "Rate limit fallback share",
                        "description": "The part of the limit at which a process goes on while that Redis is away.",
                        "schema": {
                            "type": ["number", "null"],
                            "default": 0.25,
                            "minimum": 0.01,
                            "maximum": 1,
                        },
                    },
                },
            }
        ],
    }
