"""Settings that need more than a default: the boolean on the command line, the excluded folders."""

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ConfigError

BOOLEANS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}
# MyST-NB writes them beside the folder of the build.
WRITTEN = ("jupyter_execute", ".jupyter_cache")


def read_boolean(_app: Sphinx, config: Any) -> None:
    """Convert `-D code_cell_output_update=true`: Sphinx itself accepts 0 and 1 alone.

    Raises:
        ConfigError: The setting is no boolean.
    """
    value = str(config.code_cell_output_update).lower()
    if value not in BOOLEANS:
        known = ", ".join(BOOLEANS)
        raise ConfigError(f"code_cell_output_update: expected one of {known}, got {value!r}")
    config.code_cell_output_update = BOOLEANS[value]


def exclude(app: Sphinx, config: Any) -> None:
    """Exclude the folders of builds from the sources that hold them.

    The patterns must be the same for all builders, or those that share doctrees would read every
    page again: so `_build` is excluded, not `_build/html`.
    """
    patterns = [f"{start}{name}" for start in ("", "**/") for name in WRITTEN]
    out, source = Path(app.outdir), Path(app.srcdir)
    if source in out.parents:
        above = out.parent
        pages = [path for suffix in config.source_suffix for path in above.glob(f"*{suffix}")]
        folder = out if pages or above == source else above
        patterns.append(folder.relative_to(source).as_posix())
    config.exclude_patterns = [*config.exclude_patterns, *patterns]
