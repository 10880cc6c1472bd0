# SPDX-License-Identifier: Apache-2.0
"""``make matrix`` and ``make matrix-corners``: the tests beside every Airflow that the provider is made for.

Each cell is an environment of its own with what was the newest of everything at one moment, so that it is the
same tomorrow, except for the pins. Moment and pins are in ``tests/matrix/cells.py``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import nox

from tests.matrix.cells import ALL_TESTS_WITH, AS_OF, CELLS, CORNERS, LEFT_OUT, PINS

nox.options.default_venv_backend = "uv"
nox.options.download_python = "never"
nox.options.reuse_existing_virtualenvs = False
nox.options.stop_on_first_error = False

RESULTS = Path(".nox") / "results"
REPORT_WHAT_RAN = "import airflow, json, platform; print(json.dumps([airflow.__version__, platform.python_version()]))"

# pyenv shows the versions that are switched on; let it show all that it has.
_versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
if _versions.is_dir():
    _found = sorted(python.parents[1].name for python in _versions.glob("3.1*/bin/python"))
    os.environ.setdefault("PYENV_VERSION", ":".join(_found))


@nox.session(name="airflow")
@nox.parametrize(
    ("python", "name"),
    [
        nox.param(cell.python, cell.name, id=cell.name, tags=["corners"] if cell in CORNERS else ["others"])
        for cell in CELLS
    ],
)
def airflow(session: nox.Session, name: str) -> None:
    """Install one Airflow with this provider, then run the tests; all of them beside the newest.

    :param name: the cell's name. Not the cell: nox writes it into its report.
    """
    cell = next(cell for cell in CELLS if cell.name == name)
    result = (RESULTS / f"{cell.name}.json").resolve()
    result.unlink(missing_ok=True)
    result.parent.mkdir(parents=True, exist_ok=True)
    session.install(
        *("--quiet", "--exclude-newer", AS_OF, f"apache-airflow=={cell.airflow}", *PINS.get(cell.airflow, ())),
        *("-e", ".[sandbox,dev]"),
        silent=True,
    )
    session.run("uv", "pip", "check", "--quiet", silent=True)
    left_out = () if cell.airflow == ALL_TESTS_WITH else LEFT_OUT
    junit = Path(session.create_tmp()).resolve() / "tests.xml"
    session.run(
        *("python", "-m", "pytest", "-q", "-n", "auto", "--dist", "worksteal", "--disable-warnings"),
        *("-p", "no:cacheprovider", f"--junit-xml={junit}", *left_out, *session.posargs),
    )
    ran = str(session.run("python", "-c", REPORT_WHAT_RAN, silent=True, stderr=None)).splitlines()[-1]
    airflow_version, python_version = json.loads(ran)
    session.run(
        *("python", "-m", "tests.matrix.result", str(junit), str(result), airflow_version, python_version),
        *(["all"] if not left_out else []),
    )
