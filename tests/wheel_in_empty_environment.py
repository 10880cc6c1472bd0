# SPDX-License-Identifier: Apache-2.0
"""``make test-wheel``: does the wheel, alone, work beside the oldest and the newest Airflow?

For each version: an empty environment, the wheel with what it asks for, and in it Airflow reads the example DAG
without a warning of ours, and the demo runs it against the sandbox. Takes minutes and the network.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

EXAMPLE_DAGS = Path(__file__).resolve().parents[1] / "example_dags"
AIRFLOW_VERSIONS = ("3.3.2", "2.11.2")

READ_THE_EXAMPLE = """
import inspect, sys, warnings
import airflow
try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:
    from airflow.models.dagbag import DagBag
from airflow.providers_manager import ProvidersManager
from airflow_provider_bitget.get_provider_info import get_provider_info

options = {"include_examples": False} if "include_examples" in inspect.signature(DagBag).parameters else {}
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import airflow_provider_bitget.hooks.bitget
    bag = DagBag(sys.argv[1], **options)
places = ("/airflow_provider_bitget/", sys.argv[1])
ours = [f"{one.filename}: {one.message}" for one in caught if any(place in one.filename for place in places)]
provider = ProvidersManager().providers["airflow-provider-bitget"]
hook = ProvidersManager().hooks["bitget"]
fields = [name for name in ProvidersManager().connection_form_widgets if name.startswith("extra__bitget__")]
print("import errors:", bag.import_errors)
print("our warnings:", ours)
print("DAGs:", sorted(bag.dags), "provider:", provider.version, "hook:", hook and hook.hook_class_name)
print("fields of the connection form:", fields)
(connection_type,) = get_provider_info()["connection-types"]
expected = {f"extra__bitget__{name}" for name in connection_type["conn-fields"]}
if airflow.__version__.startswith(("3.0.", "3.1.")):
    # This method has the fields only beside Flask-AppBuilder.
    expected = set()
complete = "bitget_batch_cancel" in bag.dags and hook is not None and set(fields) == expected
sys.exit(bool(bag.import_errors or ours or not complete))
"""


def check(wheel: Path, version: str) -> bool:
    """Install the wheel beside one version of Airflow and read the example with it.

    :param wheel: the wheel.
    :param version: version of Airflow.
    :return: whether all is well.
    """
    with tempfile.TemporaryDirectory(prefix="bitget-wheel-") as folder:
        home = Path(folder)
        venv.create(home / "venv", with_pip=True)
        python = home / "venv" / "bin" / "python"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
        environment = inherited | {
            "AIRFLOW_HOME": str(home / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        for step in (
            ["-m", "pip", "install", "--quiet", f"apache-airflow=={version}", f"{wheel}[sandbox]"],
            ["-m", "pip", "check"],
            ["-m", "airflow", "db", "migrate"],
            ["-c", READ_THE_EXAMPLE, str(EXAMPLE_DAGS)],
            ["-m", "airflow_provider_bitget.sandbox.demo", "--dags-folder", str(EXAMPLE_DAGS)],
        ):
            done = subprocess.run(
                [python, *step], env=environment, cwd=home, capture_output=True, text=True, check=False
            )
            if done.returncode:
                print(f"Airflow {version}: {' '.join(step)[:40]!r} failed")
                print(done.stdout[-4000:], done.stderr[-4000:], sep="\n")
                return False
        print(f"Airflow {version}: OK\n{done.stdout[-1000:]}")
        return True


def main() -> int:
    """Check the wheel beside each version."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--airflow", nargs="+", default=AIRFLOW_VERSIONS, metavar="VERSION")
    options = parser.parse_args()
    failed = [version for version in options.airflow if not check(options.wheel.resolve(), version)]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
