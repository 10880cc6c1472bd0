# SPDX-License-Identifier: Apache-2.0
"""What the product exists for, without Airflow: order lists, the batch cancel, and reports that are true."""
