"""Kernels of the tests, each forked from a process that has imported ipykernel.

As a program, this is that process: each connection to its socket starts a kernel, gets its process
id and, at its end, its exit code. As a module, it has the kernel manager that starts the program.
"""

import atexit
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import uuid
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

LAUNCHER = "ipykernel_launcher"
PRELOADED = "ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.debugger"
SOCKET = "FORKED_KERNELS"  # an environment variable: programs that the tests start use it, too
CAN_FORK = hasattr(os, "fork") and hasattr(socket, "AF_UNIX")


@functools.cache
def address():
    """Return the path of the socket; start the program if this process inherits none."""
    if SOCKET not in os.environ:
        folder = TemporaryDirectory(prefix="kernels-")
        os.environ[SOCKET] = str(Path(folder.name, "socket"))
        command = [sys.executable, __file__, os.environ[SOCKET]]
        program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        program.stdout.readline()  # it listens
        atexit.register(folder.cleanup)
        atexit.register(program.wait)
        atexit.register(program.stdin.close)  # first
    return os.environ[SOCKET]


class Fork:
    """A forked kernel, with the methods of subprocess.Popen that jupyter_client calls."""

    stdin = stdout = stderr = None

    def __init__(self, *request):
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.connect(address())
        self.connection.sendall(f"{json.dumps(request)}\n".encode())
        self.code = None
        self.pid = self.receive()

    def receive(self):
        return int.from_bytes(self.connection.recv(4, socket.MSG_WAITALL), "big", signed=True)

    def poll(self):
        ended = self.code is None and select.select([self.connection], [], [], 0)[0]
        return self.wait() if ended else self.code

    def wait(self):
        if self.code is None:
            self.code = self.receive()
            self.connection.close()
        return self.code

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def terminate(self):
        self.send_signal(signal.SIGTERM)


class ForkProvisioner(LocalProvisioner):
    """Forks kernels of ipykernel, and starts others as before."""

    async def launch_kernel(self, cmd, **kwargs):
        if LAUNCHER not in cmd or not CAN_FORK:
            return await super().launch_kernel(cmd, **kwargs)
        arguments = cmd[cmd.index(LAUNCHER) + 1 :]
        self.process = Fork(arguments, kwargs.get("cwd"), kwargs.get("env", dict(os.environ)))
        self.pid = self.process.pid
        return self.connection_info


class ForkManager(AsyncKernelManager):
    """The kernel manager that a site of the tests names in its conf.py."""

    async def _async_pre_start_kernel(self, **kwargs):
        if self.provisioner is None:
            self.provisioner = ForkProvisioner(
                kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, parent=self
            )
            if CAN_FORK:  # a free TCP port may be taken before the kernel binds it
                self.transport, self.ip = "ipc", f"{address()}-{uuid.uuid4().hex[:8]}"
        return await super()._async_pre_start_kernel(**kwargs)

    pre_start_kernel = _async_pre_start_kernel


def run(arguments, folder, environment):
    """Run a kernel in this process."""
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder or ".")
    sys.path[:1] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    parent = f"--IPKernelApp.parent_handle={os.getppid()}"  # it ends with its parent
    sys.modules["ipykernel.kernelapp"].launch_new_instance(argv=[*arguments, parent])


def watch(connection):
    """Fork a kernel, and send its exit code; it is killed if the connection ends before."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with connection.makefile() as file:
        request = json.loads(file.readline())
    kernel = os.fork()
    if not kernel:
        connection.close()
        run(*request)
        return
    connection.sendall(kernel.to_bytes(4, "big", signed=True))
    kill = threading.Thread(
        target=lambda: connection.recv(1) or os.kill(kernel, signal.SIGKILL), daemon=True
    )
    kill.start()
    code = os.waitstatus_to_exitcode(os.waitpid(kernel, 0)[1])
    connection.sendall(code.to_bytes(4, "big", signed=True))


def serve(path):
    """Import the modules of every kernel, and fork for each connection, until stdin ends."""
    for module in PRELOADED:
        import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        sys.stdout.write("\n")
        sys.stdout.flush()
        os.dup2(2, 1)  # nobody reads on
        while server in select.select([server, sys.stdin], [], [])[0]:
            connection, _ = server.accept()
            if not os.fork():
                server.close()
                watch(connection)
                os._exit(0)
            connection.close()


if __name__ == "__main__":
    serve(sys.argv[1])
