"""The modules that document a class, by the private modules that define it."""


class PublicModules(dict[str, str]):
    """Return the documented module for a private one, and any other module unchanged.

    A function would do, but Sphinx can't keep a function in its environment, and would read every
    page again in each build.
    """

    def __call__(self, module: str) -> str:
        """Return the module to link to."""
        return self.get(module, module)
