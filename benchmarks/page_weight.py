"""Measure what a reader's browser loads for one page, built with our theme and with two others.

Each build shows the same page with the same extensions; only the first runs the cells. Chromium
loads the page for the first time, from a server that compresses as hosts do.
"""

import functools
import gzip
import io
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
PAGE = "cross-entropy/2-stability"
THEMES = ("furo", "sphinx_book_theme", "pydata_sphinx_theme")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
COMPRESSED = {".css", ".html", ".js", ".svg"}


class Compressing(SimpleHTTPRequestHandler):
    """A server of files that compresses text, and writes no log."""

    def send_head(self) -> Any:
        """Answer with a compressed file, if it is a text."""
        file = Path(self.translate_path(self.path))
        if file.suffix not in COMPRESSED or not file.is_file():
            return super().send_head()
        data = gzip.compress(file.read_bytes())
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(file))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        return io.BytesIO(data)

    def log_message(self, *_: Any) -> None:
        """Write nothing."""


class Weight(NamedTuple):
    """What a page makes the browser load."""

    bytes: int
    requests: list[str]
    hosts: set[str]


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder, and give its address."""
    handler = functools.partial(Compressing, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def weigh(browser: Any, url: str) -> Weight:
    """Load a page for the first time, its icon too, and count bytes with headers, and requests."""
    own = urlsplit(url).netloc
    with browser.new_context() as context:
        tab = context.new_page()
        network = context.new_cdp_session(tab)
        network.send("Network.enable")
        asked, received = [], []
        network.on("Network.requestWillBeSent", lambda e: asked.append(e["request"]["url"]))
        network.on("Network.loadingFinished", lambda e: received.append(e["encodedDataLength"]))
        tab.goto(url, wait_until="networkidle")
    asked = [one for one in asked if not one.startswith("data:")]
    return Weight(int(sum(received)), asked, {urlsplit(one).netloc for one in asked} - {own})


def build(theme: str, folder: Path) -> None:
    """Build the site, with the outputs that are kept from an earlier build."""
    kept = ROOT / "build" / "page_weight"
    options = ["nb_execution_mode=cache", f"nb_execution_cache_path={kept}", f"html_theme={theme}"]
    if theme != "furo":
        # What belongs to our theme would only stand in the way of another.
        options += ["content_security_policy="]
    command = [sys.executable, "-m", "sphinx", "-q", "-c", str(ROOT)]
    command += [part for option in options for part in ("-D", option)]
    done = subprocess.run(
        [*command, str(ROOT / "docs"), str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{theme}: {done.stderr}")


def main() -> None:
    """Build with each theme, and print what the page weighs."""
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
