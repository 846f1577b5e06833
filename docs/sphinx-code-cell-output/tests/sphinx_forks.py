"""Sphinx builds as on the command line, each forked from a process that has imported Sphinx.

As a program, this is that process: it reads one build a line, and prints its exit code. As a
module, it starts the program.
"""

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

PRELOADED = (
    "forked_kernels",
    "jupyter_cache.executors.utils",
    "myst_nb.sphinx_ext",
    "sphinx.builders.html",
    "sphinx.cmd.build",
    "sphinx.ext.doctest",
)


class SphinxForks:
    """A process that runs one build after the other."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def build(self, arguments, folder, environment):
        """Run `sphinx-build` with these arguments; return its exit code and its output."""
        log = Path(folder, "sphinx-build.log")
        request = [list(map(str, arguments)), str(folder), dict(environment), str(log)]
        print(json.dumps(request), file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline()), log.read_text()

    def close(self):
        """End the process."""
        self.process.communicate()


def run(arguments, folder, environment, log):
    """Build in this process."""
    from sphinx.cmd.build import main  # noqa: PLC0415  # the tests themselves need not import it

    for descriptor, file in enumerate((os.devnull, log, log)):
        flags = os.O_RDWR | (os.O_CREAT | os.O_TRUNC | os.O_APPEND if file == log else 0)
        os.dup2(os.open(file, flags), descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:1] = [folder, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    return main(arguments)


def serve():
    """Import the modules of every build, and fork for each."""
    for module in PRELOADED:
        import_module(module)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            sys.exit(run(*json.loads(line)))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
