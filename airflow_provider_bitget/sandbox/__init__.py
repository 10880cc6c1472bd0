# SPDX-License-Identifier: Apache-2.0
"""A strict stand-in for Bitget's futures REST API on the loopback, for demos, tests and users' own DAG tests.

It checks signatures, clocks and limits, keeps books, and misbehaves on request. It imports nothing from the
rest of this package, so that one mistake cannot hide in both. Listening needs the extra: ``pip install
'airflow-provider-bitget[sandbox]'``; an :class:`Exchange` alone needs only the standard library.
"""

from airflow_provider_bitget.sandbox.accounts import Account, numbered_account
from airflow_provider_bitget.sandbox.answers import Reply
from airflow_provider_bitget.sandbox.clock import Clock, SystemClock, VirtualClock
from airflow_provider_bitget.sandbox.control import SandboxControl
from airflow_provider_bitget.sandbox.exchange import Exchange
from airflow_provider_bitget.sandbox.faults import KINDS, Fault
from airflow_provider_bitget.sandbox.journal import RequestRecord, busiest_second
from airflow_provider_bitget.sandbox.rules import Rules
from airflow_provider_bitget.sandbox.sandbox import Sandbox

__all__ = [
    "KINDS",
    "Account",
    "Clock",
    "Exchange",
    "Fault",
    "Reply",
    "RequestRecord",
    "Rules",
    "Sandbox",
    "SandboxControl",
    "SystemClock",
    "VirtualClock",
    "busiest_second",
    "numbered_account",
]
