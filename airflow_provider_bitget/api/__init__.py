# SPDX-License-Identifier: Apache-2.0
"""One signed request at a time: signing, transport, rate limit, error codes and the exchange's dialects.

Nothing here imports Airflow, so the package can be used from a notebook as well.
"""
