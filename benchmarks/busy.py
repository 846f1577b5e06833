"""Python loops that keep processors busy beside a measurement."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

# A loop ends when its parent closes the pipe, dies, or after ten minutes.
LOOP = """
import os, sys, threading, time
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
print("ready", flush=True)
end = time.monotonic() + 600
while time.monotonic() < end:
    pass
"""


@contextmanager
def busy(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run `count` loops, each in a process of its own."""
    command = [sys.executable, "-I", "-S", "-c", LOOP]
    with ExitStack() as stack:
        loops = []
        for _ in range(count):
            loop = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            loops.append(stack.enter_context(loop))  # on exit: closes the pipe, and waits
        for loop in loops:
            loop.stdout.readline()
        yield loops
