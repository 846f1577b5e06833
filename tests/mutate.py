"""Change the package in small ways, one at a time, and see a test fail for each.

mutmut writes the mutants to `mutants/` and shows them: `mutmut show NAME`, `mutmut browse`. This
program runs them. mutmut's own runner collects the tests again for each mutant; here, one process
imports torch and collects the tests, and for each mutant a fork of it runs the tests that call the
changed function, the fastest first, until one fails.

A run that was stopped resumes. A result is kept until its function, or a test of it, changes.
"""

import argparse
import contextlib
import fnmatch
import hashlib
import inspect
import itertools
import json
import os
import re
import signal
import sys
import tempfile
import time
from pathlib import Path

import mutmut.__main__ as mutmut
import pytest
from mutmut.configuration import config
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files, walk_source_files
from mutmut.utils.format_utils import get_module_from_key, mangled_name_from_mutant_name

FOLDER = Path("mutants")
LEAST = 0.95  # of the mutants must be detected
MISSED = ("survived", "no tests")
SURVIVED, KILLED, NO_TESTS, TIMEOUT = 0, 1, 33, 36  # mutmut's codes
IMPORTED = re.compile(r"^ *(?:from|import) (\w+)", re.MULTILINE)


def generate():
    """Write the mutants of changed files; return the data of each file, with kept results."""
    set_mutant_under_test("mutant_generation")
    FOLDER.mkdir(exist_ok=True)
    with mutmut.CatchOutput():
        mutmut.copy_src_dir()
        mutmut.copy_also_copy_files()
        mutmut.setup_source_paths()
        mutmut.create_mutants(os.cpu_count())
    set_mutant_under_test("")
    files = [SourceFileMutationData(path=path) for path in walk_mutatable_files()]
    for file in files:
        file.load()
    return files


def digest(files):
    """Return a hash of the content of files."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in sorted(files))).hexdigest()


def sources(test_file):
    """Return a test file, conftest.py, and the modules beside them that they import."""
    found, todo = set(), [test_file, test_file.with_name("conftest.py")]
    while todo:
        file = todo.pop()
        if file not in found and file.is_file():
            found.add(file)
            todo += [file.with_name(f"{name}.py") for name in IMPORTED.findall(file.read_text())]
    return found


def chosen(names, patterns):
    """Return the names that a pattern, or the name of a module, matches; all without a pattern."""
    wanted = [glob for pattern in patterns for glob in (pattern, f"{pattern}.*")] or ["*"]
    return [name for name in names if any(fnmatch.fnmatch(name, glob) for glob in wanted)]


def callers(tests, hidden):
    """Return the tests of each function, the fastest first, the hidden ones last.

    `tests` has the seconds and the functions of each test. The calls of hidden tests are unknown:
    they get the functions of the other tests of their file, and of the module named like it.
    """
    found = {}
    every = {function for _, functions in tests.values() for function in functions}
    for test in sorted(tests, key=lambda test: (test in hidden, test in hidden or tests[test][0])):
        functions = set(tests[test][1])
        if test in hidden:
            file = test.partition("::")[0]
            module = f".{Path(file).stem.replace('test', '')}"
            functions = {one for one in every if get_module_from_key(one).endswith(module)}
            functions.update(*(tests[other][1] for other in tests if other.startswith(f"{file}::")))
        for function in functions:
            found.setdefault(function, []).append(test)
    return found


class Runner:
    """The pytest plugin that measures the collected tests, and runs the mutants with them."""

    def __init__(self, files, patterns, jobs):
        self.files, self.jobs = {name: f for f in files for name in f.exit_code_by_key}, jobs
        self.names = chosen(self.files, patterns)

    @pytest.hookimpl(trylast=True)  # Hypothesis marks its own tests first
    def pytest_collection_modifyitems(self):
        """Let Hypothesis generate examples, and not search for the simplest failing one."""
        import hypothesis  # noqa: PLC0415  # pytest warns if it is imported before

        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
        hypothesis.settings.register_profile("mutate", hypothesis.settings(), phases=phases)
        hypothesis.settings.load_profile("mutate")

    def pytest_runtest_logreport(self, report):
        """Print a failure to the log of the process."""
        if report.failed:
            print(report.nodeid, report.longreprtext, sep="\n")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        """Run the mutants in place of the tests."""
        self.session = session
        self.items = {item.nodeid: item for item in session.items}
        tests = self.measure()
        by_function = callers(tests, {name for name in tests if self.is_hidden(name)})
        self.forget(by_function)
        self.run(by_function, tests)
        return True

    def is_hidden(self, name):
        """Whether a test calls the package in compiled code, or in other processes."""
        item = self.items[name]
        text = name + inspect.getsource(item.function)
        return "compile" in text or "ranks" in item.fixturenames

    def forks(self, work):
        """Yield name, exit code and seconds of each piece of work, done in a fork."""
        running = {}

        def ended():
            pid, status = os.wait()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)  # the processes that a test has started
            name, start = running.pop(pid)
            return name, os.waitstatus_to_exitcode(status), time.monotonic() - start

        try:
            for name, log, function, *arguments in work:
                if len(running) == self.jobs:
                    yield ended()
                pid = os.fork() or self.fork(log, function, *arguments)
                running[pid] = name, time.monotonic()
            while running:
                yield ended()
        finally:
            for pid in running:
                os.killpg(pid, signal.SIGKILL)

    def fork(self, log, function, *arguments):
        """Call a function in this forked process, and end with its result as exit code."""
        code = KILLED
        try:
            os.setsid()
            for stream in (1, 2):
                os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
            code = function(*arguments)
        finally:
            sys.stdout.flush()
            os._exit(code)

    def protocol(self, names):
        """Run tests, and yield the name of each after it."""
        os.chdir(self.session.config.rootpath)
        items = [self.items[name] for name in names]
        for item, following in itertools.zip_longest(items, items[1:]):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            yield item.nodeid

    def measure(self):
        """Return the seconds and the functions of each test, measured again after a change."""
        package = digest(walk_source_files())
        by_file = {}
        for name, item in self.items.items():
            by_file.setdefault(item.path, []).append(name)
        logs = {file: FOLDER / f"{file.stem}.calls" for file in by_file}
        keys = {file: [package, digest(sources(file)), *names] for file, names in by_file.items()}
        work = [
            (file, f"{logs[file]}.log", self.measured, names, logs[file].resolve(), keys[file])
            for file, names in by_file.items()
            if not logs[file].is_file() or json.loads(logs[file].read_text())["key"] != keys[file]
        ]
        for file, code, seconds in self.forks(work):
            print(f"{file.name}: measured in {seconds:.0f} s", flush=True)
            if code:
                message = f"{file.name}: failed without a mutant: see {logs[file]}.log"
                raise pytest.UsageError(message)
        parts = [json.loads(log.read_text())["tests"] for log in logs.values()]
        return {name: test for part in parts for name, test in part.items()}

    def measured(self, names, log, key):
        """Measure the tests of one file."""
        tests = {}
        for hidden in (False, True):
            set_mutant_under_test("" if hidden else "stats")  # a compiler refuses to record calls
            start = time.monotonic()
            for name in self.protocol([name for name in names if self.is_hidden(name) is hidden]):
                tests[name] = time.monotonic() - start, sorted(state()._stats)
                state()._stats.clear()
                start = time.monotonic()
        if not self.session.testsfailed:
            log.write_text(json.dumps({"key": key, "tests": tests}))
        return self.session.testsfailed

    def forget(self, by_function):
        """Drop the results that depend on test files which have changed."""
        record = FOLDER / "tests.json"
        old = json.loads(record.read_text()) if record.is_file() else {}
        new = {item.path.name: digest(sources(item.path)) for item in self.items.values()}
        for name, file in self.files.items():
            tests = by_function.get(mangled_name_from_mutant_name(name), ())
            used = {self.items[test].path.name for test in tests}
            if any(old.get(one) != new[one] for one in used):
                file.exit_code_by_key[name] = None
        for file in set(self.files.values()):
            file.save()
        record.write_text(json.dumps(new))

    def run(self, by_function, tests):
        """Run the chosen mutants that have no result."""
        todo = [name for name in self.names if self.files[name].exit_code_by_key[name] is None]
        print(f"{len(self.names) - len(todo)} results kept, {len(todo)} mutants to run", flush=True)
        work = []
        for name in todo:
            own = by_function.get(mangled_name_from_mutant_name(name), [])
            work.append((name, os.devnull, self.mutated, name, own, tests))
        for done, (name, code, seconds) in enumerate(self.forks(work), 1):
            file = self.files[name]
            file.exit_code_by_key[name] = TIMEOUT if code == -signal.SIGALRM else code
            file.durations_by_key[name] = seconds
            file.save()
            print(f"{done}/{len(todo)} {status(file, name)} {name}: {seconds:.1f} s", flush=True)

    def mutated(self, mutant, names, tests):
        """Run the tests until one fails."""
        set_mutant_under_test(mutant)
        limits = [10 * tests[name][0] + 60 for name in names]
        if not names:
            return NO_TESTS
        signal.setitimer(signal.ITIMER_REAL, sum(limits[:1]))
        for _, limit in zip(self.protocol(names), [*limits[1:], 60], strict=True):
            if self.session.testsfailed:
                return KILLED
            signal.setitimer(signal.ITIMER_REAL, limit)
        return SURVIVED


def status(file, name):
    """Return the word for the result of a mutant."""
    return status_by_exit_code[file.exit_code_by_key[name]]


def judged(results):
    """Print the mutants that no test detects, and return whether they are few enough."""
    missed = [name for name, result in results.items() if result in MISSED]
    unknown = [name for name, result in results.items() if result == "not checked"]
    for name in missed:
        print(f"{results[name]}: {name}")
    detected = len(results) - len(missed) - len(unknown)
    print(f"{detected} of {len(results)} mutants detected; see each with: mutmut show NAME")
    return not unknown and detected >= LEAST * len(results) > 0


def main():
    """Generate the mutants, run them, and judge the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("patterns", nargs="*", help="'autograd_notes.graph*' (default: all)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="parallel processes")
    options = parser.parse_args()
    files = generate()
    runner = Runner(files, options.patterns, options.jobs)
    arguments = ["-c", str(FOLDER / "pyproject.toml"), "-q", "-s", *config().pytest_add_cli_args]
    selection = [str(FOLDER / name) for name in config().pytest_add_cli_args_test_selection]
    with tempfile.TemporaryDirectory() as folder:
        # One thread: a fork would miss the others.
        os.environ.update(
            OMP_NUM_THREADS="1",
            PYTEST_DEBUG_TEMPROOT=folder,
            PYTHONPATH=str(FOLDER.resolve()),
            TMPDIR=folder,
        )
        tempfile.tempdir = folder
        code = pytest.main([*arguments, *selection], [runner])
    results = {name: status(runner.files[name], name) for name in runner.names}
    return int(not judged(results) or code not in (0, pytest.ExitCode.NO_TESTS_COLLECTED))


if __name__ == "__main__":
    sys.exit(main())
