"""Write a file of the built site only when its content changes, as servers and watchers want."""

from pathlib import Path


def write(file: Path, content: str | bytes) -> None:
    """Write a file, unless it has this content already."""
    data = content.encode() if isinstance(content, str) else content
    if not file.is_file() or file.read_bytes() != data:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
