"""The stored results of `speed.py`: one run for each machine, written after each measurement."""

import json
import os
import platform
import re
from pathlib import Path
from typing import Any

import torch
from contenders import Case
from fingerprint import measured_code

Run = dict[str, Any]


def machine(device: str) -> dict[str, Any]:
    """Return the hardware and the versions of this run."""
    cpus = Path("/proc/cpuinfo")
    text = cpus.read_text() if cpus.exists() else ""
    model = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    mkl = re.search(r"Math Kernel Library Version (\S+?)-", torch.__config__.show())
    cpu = model[1] if model else platform.processor() or platform.machine()
    return {
        "processor": torch.cuda.get_device_name() if device == "cuda" else cpu,
        "architecture": platform.machine(),
        "system": platform.system(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "mkl": mkl[1] if mkl else None,
        "mkl_cbwr": os.environ.get("MKL_CBWR"),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def read(file: Path | None) -> list[Run]:
    """Return the stored runs, the newest first; none without a file."""
    return json.loads(file.read_text("utf-8"))["runs"] if file and file.exists() else []


def write(file: Path, runs: list[Run]) -> None:
    """Replace the file, with one measurement on each line."""
    texts = []
    for run in runs:
        head = json.dumps({**run, "results": []}, indent=1).removesuffix("]\n}")
        texts.append(head + "\n" + ",\n".join(map(json.dumps, run["results"])) + "\n]}")
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    new.write_text('{"runs": [\n' + ",\n".join(texts) + "\n]}\n", "utf-8")
    new.replace(file)


class Store:
    """The runs of a file, this machine's first. It goes on with a run of the same settings.

    Args:
        file: the JSON file; with None, nothing is stored.
        device: `"cpu"` or `"cuda"`.
        settings: the settings of the whole run, such as the seconds of each measurement.
        fresh: whether to begin again.
    """

    def __init__(
        self, file: Path | None, device: str, settings: dict[str, Any], *, fresh: bool
    ) -> None:
        self.file = file
        head = {"machine": machine(device), "code": measured_code(), "settings": settings}
        stored, name = read(file), head["machine"]["processor"]
        same = [run for run in stored if {**run, "results": []} == {**head, "results": []}]
        self.run: Run = same[0] if same and not fresh else {**head, "results": []}
        self.others = [run for run in stored if run["machine"]["processor"] != name]

    def rows(self, case: Case) -> list[dict[str, Any]] | None:
        """Return the rows of a case; None if it has not been measured."""
        own = {**case._asdict(), "shape": [*case.shape]}
        found = [entry["rows"] for entry in self.run["results"] if entry["case"] == own]
        return found[0] if found else None

    def add(self, case: Case, rows: list[dict[str, Any]]) -> None:
        """Store the rows of a case."""
        own = {**case._asdict(), "shape": [*case.shape]}
        self.run["results"].append({"case": own, "rows": rows})
        if self.file:
            write(self.file, [self.run, *self.others])
