# SPDX-License-Identifier: Apache-2.0
"""Triggers: the same waits, without a worker."""
