# SPDX-License-Identifier: Apache-2.0
"""What a person sees of this provider in Airflow's interface, in a real browser. ``make test-browser`` runs it."""
