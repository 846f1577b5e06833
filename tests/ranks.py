"""Programs on several processes, as torchrun starts them, forked from one that has imported torch.

As a program, this is that process: it reads one run a line, and prints its exit code. As a
module, it starts the program.
"""

import json
import os
import runpy
import socket
import subprocess
import sys
import traceback
from importlib import import_module
from pathlib import Path

# One import serves all processes of all runs.
PRELOADED = (
    "torch._dynamo.backends.debugging",
    "torch._functorch.aot_autograd",
    "torch.distributed.tensor.parallel",
    "torch.multiprocessing",
)
STREAMS = "stdout", "stderr"  # the files with the output of a run


class Ranks:
    """A process that runs one program after the other, each on several processes."""

    def __init__(self, folder):
        self.folder = folder
        # As torchrun sets it: the processes share the cores.
        self.process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"OMP_NUM_THREADS": "1", **os.environ},
        )

    def run(self, count, program, *arguments):
        """Run a program on so many processes, and return their output."""
        request = [count, str(self.folder), str(program), *map(str, arguments)]
        print(json.dumps(request), file=self.process.stdin, flush=True)
        code = int(self.process.stdout.readline())
        assert code == 0, Path(self.folder, "stderr").read_text()
        return Path(self.folder, "stdout").read_text()

    def close(self):
        """End the process."""
        self.process.communicate()


def one(rank, count, port, folder, *command):
    """Run the program as one of the processes."""
    os.environ.update(
        MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), RANK=str(rank), WORLD_SIZE=str(count)
    )
    for descriptor, name in enumerate(STREAMS, 1):
        os.dup2(os.open(Path(folder, name), os.O_WRONLY | os.O_APPEND), descriptor)
    sys.argv[:] = command
    sys.path[0] = str(Path(command[0]).parent)
    runpy.run_path(command[0], run_name="__main__")


def serve():
    """Import the modules, and fork the processes of each run; the others end if one fails."""
    *_, multiprocessing = map(import_module, PRELOADED)
    for line in sys.stdin:
        count, folder, *command = json.loads(line)
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        for name in STREAMS:
            Path(folder, name).write_text("")
        code = 0
        try:
            arguments = (count, port, folder, *command)
            multiprocessing.start_processes(one, arguments, count, start_method="fork")
        except (multiprocessing.ProcessExitedException, multiprocessing.ProcessRaisedException):
            with Path(folder, "stderr").open("a") as file:
                traceback.print_exc(file=file)
            code = 1
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
