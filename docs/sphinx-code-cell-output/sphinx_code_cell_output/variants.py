"""Variants of a build: environments that cover each pair of settings, each in a fresh process."""

import os
import random
import threading
from collections.abc import Callable
from itertools import combinations, product
from multiprocessing import get_context
from typing import Any, NamedTuple
from unittest.mock import patch

ORDERS = 20
STARTING = threading.Lock()  # while a process takes over the environment


class Variant(NamedTuple):
    """One build: its name, and what it adds to the environment."""

    name: str
    environment: dict[str, str]


def pairs(settings: dict[str, tuple[str, ...]]) -> list[Variant]:
    """Return few variants in which each pair of the values of two settings occurs."""
    rows = [dict(zip(settings, row, strict=True)) for row in product(*settings.values())]
    covers = [set(combinations(row.items(), min(2, len(settings)))) for row in rows]
    # The result depends on the order of the rows: take the best of some.
    orders = [random.Random(seed).sample(range(len(rows)), len(rows)) for seed in range(ORDERS)]  # noqa: S311
    best = min((greedy(order, covers) for order in orders), key=len)
    return [
        Variant(" ".join(f"{name}={value}" for name, value in rows[index].items()), rows[index])
        for index in sorted(best)
    ]


def greedy(order: list[int], covers: list[set[Any]]) -> list[int]:
    """Return the rows that cover all pairs, each the first that covers most of the rest."""
    missing = set[Any]().union(*covers)
    taken = []
    while missing:
        row = max(order, key=lambda index: len(covers[index] & missing))
        missing -= covers[row]
        taken.append(row)
    return taken


def call(connection: Any, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """Send the result of a function, or its exception: the program of the fresh process."""
    try:
        result = function(*arguments)
    except BaseException as error:  # noqa: BLE001  # the parent raises it
        result = error
    connection.send(result)


def run_in(variant: Variant, function: Callable[..., Any], *arguments: Any) -> Any:
    """Return the result of a function in a process that starts with a variant's environment.

    Libraries read their settings when they are loaded, and Python some when it starts.

    Raises:
        RuntimeError: The process ended without a result.
        Exception: The function raised it.
    """
    context = get_context("spawn")
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=call, args=(send, function, arguments))
    with STARTING, patch.dict(os.environ, variant.environment):
        process.start()
    send.close()  # the end of the process ends the pipe
    try:
        result = receive.recv()
    except EOFError as error:
        raise RuntimeError(f"{variant.name}: the build ended without a result") from error
    finally:
        process.join()
    if isinstance(result, BaseException):
        raise result
    return result
