# SPDX-License-Identifier: Apache-2.0
"""The check over all captured output of the suite works: a printed or logged secret turns a test red."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
LEAKING = """
import logging
import sys
from airflow_provider_bitget.sandbox.accounts import numbered_account

SECRET = numbered_account(1).{part}

def test_leak():
    {leak}
"""


@pytest.mark.parametrize("part", ["secret", "passphrase"])
@pytest.mark.parametrize(
    "leak",
    [
        "print(SECRET)",
        "logging.getLogger('x').warning('sent %s', SECRET)",
        "print(SECRET, file=sys.stderr)",
        "raise KeyError(SECRET)",
    ],
)
def test_a_secret_in_the_output_turns_a_test_red(tmp_path: Path, part: str, leak: str) -> None:
    (tmp_path / "test_leak.py").write_text(LEAKING.format(part=part, leak=leak))

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 1
    assert "a secret was printed, logged or shown in a message" in done.stdout
