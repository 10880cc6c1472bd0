# SPDX-License-Identifier: Apache-2.0
"""What a flattened account's phases report, put together: as JSON, and as a page for people."""
