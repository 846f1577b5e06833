"""The first visit to a page: a server with gzip, and the bytes that a browser loads."""

import functools
import gzip
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

COMPRESSED = {".css", ".html", ".js", ".svg"}


class Compressing(SimpleHTTPRequestHandler):
    """A server of files that compresses text, and writes no log."""

    def send_head(self) -> Any:
        """Send a text file compressed."""
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
    """The first load of a page: bytes, URLs of requests, other hosts."""

    bytes: int
    requests: list[str]
    hosts: set[str]


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder; yield its address."""
    handler = functools.partial(Compressing, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def weigh(browser: Any, url: str) -> Weight:
    """Load a page for the first time; count the requests, and the bytes with headers."""
    own = urlsplit(url).netloc
    with browser.new_context() as context:
        tab = context.new_page()
        network = context.new_cdp_session(tab)
        network.send("Network.enable")
        asked, received = [], []
        network.on("Network.requestWillBeSent", lambda e: asked.append(e["request"]["url"]))
        network.on("Network.loadingFinished", lambda e: received.append(e["encodedDataLength"]))
        tab.goto(url)  # on a slow machine, the network is idle for a while before all has loaded
        tab.wait_for_load_state("networkidle")
    asked = [one for one in asked if not one.startswith("data:")]
    return Weight(int(sum(received)), asked, {urlsplit(one).netloc for one in asked} - {own})
