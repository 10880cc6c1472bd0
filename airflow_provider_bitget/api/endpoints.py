# SPDX-License-Identifier: Apache-2.0
"""Any endpoint that a user names, with the limit that is documented for it, whatever the kind of account."""

from __future__ import annotations

from typing import Final

from airflow_provider_bitget.api import classic_endpoints, unified_endpoints
from airflow_provider_bitget.api.client import Endpoint
from airflow_provider_bitget.api.exceptions import BitgetConfigError
from airflow_provider_bitget.api.scope import check_path

_LIMITS: Final = classic_endpoints.LIMITS | unified_endpoints.LIMITS
_UNKNOWN_LIMIT: Final = 5.0


def endpoint_for(method: str, path: str) -> Endpoint:
    """Return the endpoint of a path that a user names; only reads are repeatable.

    :raises BitgetConfigError: the method is neither GET nor POST, or the path is not a plain API path.
    """
    verb = str(method).upper()
    if verb not in ("GET", "POST"):
        raise BitgetConfigError("method must be 'GET' or 'POST'.", field="method")
    limit = _LIMITS.get(check_path(path), _UNKNOWN_LIMIT)
    return Endpoint(verb, path, limit=limit, repeatable=verb == "GET")
