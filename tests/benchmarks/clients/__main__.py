# SPDX-License-Identifier: Apache-2.0
"""One client in a fresh process: a job comes in on standard input, what came of it goes out on standard output."""

from __future__ import annotations

import gc
import json
import sys
from dataclasses import asdict
from importlib import import_module

from tests.benchmarks.clients.job import Job
from tests.benchmarks.clients.meter import MemoryMeter, Stopwatch


def main(name: str) -> None:
    """Run a client.

    :param name: its module.
    """
    job = Job(**json.load(sys.stdin))
    module = import_module(f"tests.benchmarks.clients.{name}")
    gc.collect()
    # From here on memory counts: the client is imported and the list is held.
    memory = MemoryMeter()
    client = module.new_client(job)
    stopwatch = Stopwatch()
    client.cancel()
    reading = stopwatch.stop(memory)
    json.dump({"reading": asdict(reading), "statement": asdict(client.statement())}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
