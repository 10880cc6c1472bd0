# SPDX-License-Identifier: Apache-2.0
"""Task groups: whole pipelines for a DAG."""
