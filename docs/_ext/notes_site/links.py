"""The modules that sphinx-codeautolink imports, to link the names in code to their references."""

from importlib import import_module

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx_codeautolink.extension import resolve


def import_modules(app: Sphinx, _env: BuildEnvironment, pages: list[str]) -> None:
    """Import the modules of `codeautolink_imports` while the kernels' process imports them too.

    Their TYPE_CHECKING blocks are skipped: that of torch imports torch._dynamo, torch._inductor and
    torch.onnx, which takes longer than torch and links no more names.
    """
    if pages:
        for name in app.config.codeautolink_imports:
            resolve.populated_modules.add(id(import_module(name)))
