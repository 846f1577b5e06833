"""Measure the bytes and requests of one page's first load, with our theme and with two others.

Each build shows the same page with the same extensions; only the first runs the cells. Chromium
loads the page for the first time, from a server that compresses as hosts do.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests"))

from first_visit import serve, weigh  # noqa: E402  # from tests

PAGE = "cross-entropy/2-stability"
THEMES = ("furo", "sphinx_book_theme", "pydata_sphinx_theme")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def build(theme: str, folder: Path) -> None:
    """Build the site with the cached outputs of an earlier build."""
    kept = ROOT / "build" / "page_weight"
    options = ["nb_execution_mode=cache", f"nb_execution_cache_path={kept}", f"html_theme={theme}"]
    if theme != "furo":
        # The policy allows the scripts of our theme only.
        options += ["content_security_policy="]
    command = [sys.executable, "-m", "sphinx", "-q", "-c", str(ROOT)]
    command += [part for option in options for part in ("-D", option)]
    done = subprocess.run(
        [*command, str(ROOT / "docs"), str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{theme}: {done.stderr}")


def main() -> None:
    """Build with each theme, and print the bytes and requests of the page."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # the tests bring their own

    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    print(f"{PAGE}, loaded for the first time, compressed")
    print(f"{'theme':<20} {'bytes':>9} {'ratio':>6} {'requests':>8}  other hosts")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        ours = 0
        for theme in THEMES:
            site = Path(folder, theme)
            build(theme, site)
            with serve(site) as address:
                weight = weigh(browser, f"{address}/{PAGE}.html")
            ours = ours or weight.bytes
            hosts = ", ".join(sorted(weight.hosts)) or "none"
            ratio = weight.bytes / ours
            print(f"{theme:<20} {weight.bytes:9} {ratio:6.2f} {len(weight.requests):8}  {hosts}")


if __name__ == "__main__":
    main()
