"""The facts of a machine that can change a digit of an output."""

import os
import platform
import re
from pathlib import Path


def describe() -> str:
    """Return the torch, its CPU capability, MKL, the threads and the processor, on one line."""
    import torch  # noqa: PLC0415  # only a build that reports a difference needs it

    mkl = re.search(r"Math Kernel Library Version (\S+?)-", torch.__config__.show())
    facts = [
        f"torch {torch.__version__}",
        f"CPU capability {torch.backends.cpu.get_cpu_capability()}",
        f"MKL {mkl[1] if mkl else 'absent'} (MKL_CBWR {os.environ.get('MKL_CBWR', 'unset')})",
        f"{torch.get_num_threads()} threads",
        processor(),
    ]
    return ", ".join(facts)


def processor() -> str:
    """Return the name of the processor; on Linux, platform knows its architecture only."""
    info = Path("/proc/cpuinfo")
    text = info.read_text("utf-8") if info.is_file() else ""
    name = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    return name[1] if name else platform.processor() or platform.machine()
