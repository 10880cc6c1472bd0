# SPDX-License-Identifier: Apache-2.0
"""What one cell has run, as a file that the table is written from."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

from tests.airflow_version import NEEDS_A_NEWER_AIRFLOW


def main(junit: str, result: str, airflow: str, python: str, *scope: str) -> None:
    """Write what ran, unless a test was skipped for another reason than the age of this Airflow.

    :param junit: pytest's own account.
    :param result: the file to write.
    :param airflow: the version that was imported.
    :param python: the version that ran.
    :param scope: ``all`` where no test was left out.
    """
    # Written by pytest a moment ago.
    (suite,) = ElementTree.parse(junit).getroot().iter("testsuite")  # noqa: S314
    reasons = [skipped.attrib["message"] for skipped in suite.iter("skipped")]
    others = sorted({reason for reason in reasons if not reason.startswith(NEEDS_A_NEWER_AIRFLOW)})
    if others:
        sys.exit(f"The table can say of skipped tests only that they need a newer Airflow: {'; '.join(others)}")
    skipped = len(reasons)
    ran = int(suite.attrib["tests"]) - skipped
    Path(result).write_text(
        json.dumps({"airflow": airflow, "python": python, "ran": ran, "skipped": skipped, "all": "all" in scope})
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
