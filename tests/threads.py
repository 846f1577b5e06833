"""The ranks of a process group as threads of this process, which measures and mutates their code."""

# ruff: noqa: SLF001  # torch's own tests use these functions

from concurrent.futures import ThreadPoolExecutor

import torch
import torch.distributed as dist
from torch.testing._internal.distributed import multi_threaded_pg as threaded


def isolate(threads):
    """Turn on or off that each thread has process groups of its own."""
    torch._C._distributed_c10d._set_thread_isolation_mode(threads)


class Threads:
    """A process group of threads. Its threads stay: torch caches the names of their groups."""

    def __init__(self, count):
        isolate(threads=True)
        threaded._install_threaded_pg()
        self.threads = [ThreadPoolExecutor(1) for _ in range(count)]
        store = dist.HashStore()
        self.run(
            lambda rank: dist.init_process_group(
                "threaded", rank=rank, world_size=count, store=store
            )
        )

    def run(self, function):
        """Call the function with each rank, on its thread; return the results."""
        errors = []

        def call(rank):
            try:
                return function(rank)
            except Exception as error:
                errors.append(error)
                threaded.ProcessLocalGroup.exception_handle(error)  # the others would wait
                raise

        calls = [thread.submit(call, rank) for rank, thread in enumerate(self.threads)]
        found = [call.exception() or call.result() for call in calls]
        threaded.ProcessLocalGroup.reset()
        if errors:
            raise errors[0]
        return found

    def close(self):
        """End the threads."""
        self.run(lambda _: dist.destroy_process_group())
        for thread in self.threads:
            thread.shutdown()
        threaded._uninstall_threaded_pg()
        isolate(threads=False)
