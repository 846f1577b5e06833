"""Change the package in small ways, one at a time, and see a test fail for each.

mutmut writes the mutants, and shows them: `mutmut show NAME`, `mutmut browse`. This program runs
them. mutmut's own runner would collect the tests again for each mutant, and find no test of a
function that only other processes call. Here, one process collects the tests; for each mutant, a
fork of it runs the tests that call the changed function until one fails.

A run that was stopped resumes. A result is kept until its function changes; that of an undetected
mutant until a file with one of its tests changes, too. Remove the folder `mutants` to start afresh.
"""

import argparse
import contextlib
import hashlib
import json
import os
import signal
import sys
import tempfile
import time
from fnmatch import fnmatch
from itertools import accumulate, groupby, pairwise
from pathlib import Path

import mutmut.__main__ as mutmut
import pytest
from mutmut.configuration import config
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state
from mutmut.stats import status_by_exit_code
from mutmut.utils.format_utils import mangled_name_from_mutant_name

FOLDER = Path("mutants")
FAILURE = FOLDER / "failure.txt"
LEAST = 0.95  # of the mutants must be detected
SECONDS = 20.0  # of the processor, for the tests of a mutant that none detects
SURVIVED, KILLED, NO_TESTS, SUSPICIOUS, TIMEOUT = 0, 1, 33, 35, 36  # mutmut's codes
DETECTED = KILLED, TIMEOUT, -signal.SIGABRT, -signal.SIGFPE, -signal.SIGSEGV


def generate():
    """Write the mutants of changed functions; return the file and the name of each mutant."""
    FOLDER.mkdir(exist_ok=True)
    with mutmut.CatchOutput():
        mutmut.copy_src_dir()
        mutmut.copy_also_copy_files()
        mutmut.setup_source_paths()
        mutmut.create_mutants(os.cpu_count())
    return [mutant[:2] for mutant in mutmut.collect_source_file_mutation_data(mutant_names=[])[0]]


def fork(function, *arguments):
    """Call a function in a forked process, which ends with the result as exit code."""
    pid = os.fork()
    if not pid:
        code = SUSPICIOUS
        try:
            os.setsid()
            for stream in (1, 2):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
            code = function(*arguments)
        finally:
            os._exit(code)
    return pid


def ended():
    """Wait for a fork; return its process id and exit code."""
    pid, status = os.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)  # the processes that a test has started
    code = os.waitstatus_to_exitcode(status)
    return pid, TIMEOUT if code in (-signal.SIGALRM, -signal.SIGPROF) else code


class Runner:
    """The pytest plugin that runs mutants, in place of the tests that pytest has collected."""

    def __init__(self, mutants, chosen, jobs):
        self.mutants, self.chosen, self.jobs = mutants, chosen, jobs
        self.calls, self.failure = {}, ""  # the seconds and the functions of each test

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        """Measure the test files that have changed, and run the mutants that have no result."""
        self.items = {item.nodeid: item for item in session.items}
        # The forks would write its dots to the terminal.
        session.config.pluginmanager.unregister(name="terminalreporter")
        self.measure_changed()
        self.run()
        return True

    def pytest_runtest_logreport(self, report):
        """Remember that a test has failed, and why."""
        if report.failed:
            self.failure = f"{report.nodeid}\n{report.longreprtext}"

    def measure_changed(self):
        """Measure each test file that has changed, and forget which mutants it did not detect."""
        sources = sorted(FOLDER.rglob("*.py"))
        shared = b"".join(p.read_bytes() for p in sources if not p.name.startswith("test_"))
        for file, items in groupby(self.items.values(), lambda item: item.path):
            code = hashlib.sha256(shared + file.read_bytes()).hexdigest()
            key, kept = [code, *(item.nodeid for item in items)], FOLDER / f"{file.stem}.json"
            if changed := not kept.is_file() or json.loads(kept.read_text())[0] != key:
                print(f"measuring {file.name}", flush=True)
                FAILURE.write_text(f"{file.name}: timeout")
                fork(self.measure, key, kept)
                if ended()[1]:
                    raise pytest.UsageError(f"fails without a mutant: {FAILURE.read_text()}")
            self.calls |= json.loads(kept.read_text())[1]
            for meta, name in self.mutants if changed else ():
                undetected = meta.exit_code_by_key[name] not in DETECTED
                if undetected and {*self.tests(name)} & {*key}:
                    meta.exit_code_by_key[name] = None
                    meta.save()

    def measure(self, key, kept):
        """Run the tests of a file, and write the seconds and the functions of each."""
        set_mutant_under_test("stats")
        del os.environ["MUTANT_UNDER_TEST"]  # other processes could not hand over their calls
        calls, start = {}, time.process_time()
        for name in self.run_tests(key[1:]):
            calls[name] = time.process_time() - start, sorted(state()._stats)
            start = time.process_time()
            state()._stats.clear()
        if self.failure:
            FAILURE.write_text(self.failure)
            return KILLED
        kept.write_text(json.dumps([key, calls]))
        return SURVIVED

    def run_tests(self, names):
        """Run tests until one fails or takes too long; yield the name of each."""
        for item, following in pairwise([*map(self.items.get, names), None]):
            seconds, _ = self.calls.get(item.nodeid, (60, None))
            signal.setitimer(signal.ITIMER_PROF, 10 + 10 * seconds)
            signal.alarm(600)  # processes that wait for each other
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            yield item.nodeid
            if self.failure:
                return

    def tests(self, mutant):
        """Return the tests that call a mutated function, the fastest first, up to SECONDS in all.

        Those of its module count as ten times as fast. If one of those records no call, it may call
        the function in another process, and comes last.
        """
        function = mangled_name_from_mutant_name(mutant)
        module = function.rpartition(".")[0].partition(".")[2].strip("_").replace("._", "_")
        own = f"/test_{module}"
        callers = [test for test, (_, calls) in self.calls.items() if function in calls]
        callers.sort(key=lambda test: self.calls[test][0] / (10 if own in test else 1))
        # File by file: a fixture of a module may not bear to be made again.
        files = [test.partition("::")[0] for test in callers]
        callers.sort(key=lambda test: files.index(test.partition("::")[0]))
        spent = accumulate(self.calls[test][0] for test in callers)
        found = [test for test, seconds in zip(callers, spent, strict=True) if seconds < SECONDS]
        return found + [t for t, (_, calls) in self.calls.items() if own in t and not calls]

    def mutated(self, mutant):
        """Run the tests of a mutant; return the code of the result."""
        set_mutant_under_test(mutant)
        list(self.run_tests(tests := self.tests(mutant)))
        return KILLED if self.failure else SURVIVED if tests else NO_TESTS

    def run(self):
        """Run the chosen mutants that have no result, and keep their results."""
        todo = [(file, name) for file, name in self.chosen if file.exit_code_by_key[name] is None]
        print(f"{len(self.chosen) - len(todo)} results kept, {len(todo)} to run", flush=True)
        running = {}
        try:
            while todo or running:
                while todo and len(running) < self.jobs:
                    file, name = todo.pop(0)
                    running[fork(self.mutated, name)] = file, name
                pid, code = ended()
                file, name = running.pop(pid)
                file.exit_code_by_key[name] = code
                file.save()
                print(f"{status_by_exit_code[code]}: {name}", flush=True)
        finally:
            for pid in running:
                os.killpg(pid, signal.SIGKILL)


def judged(mutants):
    """Print the mutants that no test detects, and return whether they are few enough."""
    codes = {name: file.exit_code_by_key[name] for file, name in mutants}
    missed = [name for name, code in codes.items() if code not in DETECTED]
    for name in missed:
        print(f"{status_by_exit_code[codes[name]]}: {name}")
    detected = len(codes) - len(missed)
    print(f"{detected} of {len(codes)} mutants detected; see each with: mutmut show NAME")
    return detected >= LEAST * len(codes)


def main():
    """Generate the mutants, run them, and judge the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", default=["*"], help="'autograd_notes.graph.*'")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="parallel processes")
    options = parser.parse_args()
    mutants = generate()
    chosen = [mutant for mutant in mutants if any(fnmatch(mutant[1], n) for n in options.names)]
    # The tracebacks of pytest would take nine tenths of the time.
    arguments = ["-c", str(FOLDER / "pyproject.toml"), "-q", "-s", "--tb=native"]
    arguments += config().pytest_add_cli_args
    arguments += [str(FOLDER / name) for name in config().pytest_add_cli_args_test_selection]
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        # One thread: a fork would miss the others.
        os.environ.update(OMP_NUM_THREADS="1", PYTHONPATH=str(FOLDER.resolve()), TMPDIR=folder)
        code = pytest.main(arguments, [Runner(mutants, chosen, options.jobs)])
    return code or not judged(chosen)


if __name__ == "__main__":
    sys.exit(main())
