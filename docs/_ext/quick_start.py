"""Import MyST-NB without what only a page that runs needs: Jupyter's client and cache, IPython.

A build that runs no page starts in less than half of the time. Name it before `myst_nb`.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

LATER = (
    "IPython",
    "IPython.display",
    "myst_nb.core.execute.cache",
    "myst_nb.core.execute.direct",
    "myst_nb.core.execute.inline",
)


class Later(ModuleType):
    """Stands for a module of which others take functions and classes, only to call them."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return what imports the module once it is called."""

        def call(*args: Any, **kwargs: Any) -> Any:
            return getattr(import_module(self.__name__), name)(*args, **kwargs)

        return call


@contextmanager
def later(*names: str) -> Iterator[None]:
    """Let what is imported meanwhile get these modules only when it calls something of theirs."""
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update({name: Later(name) for name in absent})
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


with later(*LATER):
    import myst_nb.sphinx_ext  # noqa: F401  # MyST-NB itself imports it when it is set up


def setup(_app: Sphinx) -> ExtensionMetadata:
    """Say that the import was all."""
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
