# SPDX-License-Identifier: Apache-2.0
"""``make bench``: how fast and how true this provider and ccxt are, on the same sandbox, side by side."""
