# SPDX-License-Identifier: Apache-2.0
"""The cells of the matrix: every Airflow on every Python that it supports, and what works beside it only when held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Cell:
    """One Airflow on one Python.

    :param airflow: version of Airflow, whole.
    :param python: version of Python, without its last number.
    """

    airflow: str
    python: str

    @property
    def name(self) -> str:
        """Its name in lists of sessions and of files."""
        return f"airflow-{self.airflow}-python-{self.python}"


PYTHONS: Final[Mapping[str, tuple[str, ...]]] = {
    # Python 3.13 came with Airflow 3.1.
    "2.11.2": ("3.11", "3.12"),
    "3.0.6": ("3.11", "3.12"),
    "3.1.8": ("3.11", "3.12", "3.13"),
    "3.2.2": ("3.11", "3.12", "3.13"),
    "3.3.2": ("3.11", "3.12", "3.13"),
}
"""The newest patch of each Airflow, and the Pythons that it supports from ours on."""

AS_OF: Final = "2026-11-27T00:00:00Z"
"""The moment whose newest releases the cells are made of. A later one may need more pins: run `make matrix` with it."""

PINS: Final[Mapping[str, tuple[str, ...]]] = {
    "3.0.6": (
        # Newer ones refuse the answers of a task: `dags test` fails with "Input should be a valid dictionary".
        "fastapi<0.132",
        # Newer ones want a text for the issuer: the API server answers every request with status 500.
        "pyjwt<2.11",
        # Newer ones refuse Airflow's own path: "detected protocol s3 which is incompatible with ObjectStoragePath".
        "universal-pathlib<0.3",
    ),
    "3.2.2": (
        # Newer ones: `dags test` fails with "TITerminalStatePayload needs a discriminator field".
        "fastapi<0.137",
        # Newer ones: `dags test` fails with KeyError 'svcs_registry'.
        "svcs<26",
    ),
}
"""What an Airflow does not work beside in its newest version. All the rest is the newest of then that resolves."""

CELLS: Final = tuple(Cell(airflow, python) for airflow, pythons in PYTHONS.items() for python in pythons)

CORNERS: Final = (Cell("2.11.2", "3.11"), Cell("3.0.6", "3.11"), Cell("3.3.2", "3.13"))
"""The ends of what is supported, and the first Airflow of its kind."""

LEFT_OUT: Final = ("-k", "not [unified and not test_random")
"""What leaves out the second run of a test, for the other kind of account, and the random tests, which need no Airflow.

They run once on each Python, beside the newest Airflow.
"""

ALL_TESTS_WITH: Final = "3.3.2"
"""The Airflow beside which these run."""
