"""The search of the site: sections, ranked for a reader's words.

Sphinx's search wants every word of a query, and ranks a page that mentions them like a page about
them. Here the build scores each word in each section by BM25, and section_search.js adds the scores
of a query's words. Words of titles count more. So do the `keywords` in the front matter of a page:
words that a reader would type and the text does not use.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.builders import Builder
from sphinx.search.en import SearchEnglish

from notes_site.html import write

SECTIONS = "search_sections.js"
WORD = re.compile(r"(?!\d+\b)\w+")  # numbers alone would find outputs
# How much a word counts. The title of the page is that of each section, too.
TEXT, PAGE_TITLE, TITLE = 1, 2, 5
ABOUT = {"description": 2, "keywords": 12}  # in the front matter
SATURATION, LENGTH = 1.2, 0.75  # k1 and b, the usual constants of BM25
LANGUAGE = SearchEnglish({})


class Section(NamedTuple):
    """A section of a page: where it is, and how much each of its stems counts."""

    page: str
    anchor: str
    title: str
    counts: Counter[str]


def stems(text: str) -> list[str]:
    """Return the stems of the words of a text, and those of the parts of names like `zero_grad`."""
    words = WORD.findall(text.lower())
    parts = [part for word in words if "_" in word for part in word.split("_")]
    return [LANGUAGE.stem(word) for word in words + parts if word]


def text_of(node: nodes.Element) -> str:
    """Return the text of a section without its title, its subsections and its reference."""
    skipped = (nodes.section, nodes.title, nodes.comment, nodes.raw, addnodes.desc)
    return "\n\n".join(child.astext() for child in node.children if not isinstance(child, skipped))


def sections(page: str, doctree: nodes.document) -> Iterator[Section]:
    """Yield the sections of a page."""
    about = {meta.get("name"): meta["content"] for meta in doctree.findall(nodes.meta)}
    found = list(doctree.findall(nodes.section))
    titles = [section[0].astext() for section in found]
    for section, title in zip(found, titles, strict=True):
        counts = Counter[str]()
        parts = [(text_of(section), TEXT), (titles[0], PAGE_TITLE), (title, TITLE)]
        if section is found[0]:
            parts += [(about.get(name, ""), count) for name, count in ABOUT.items()]
        for text, count in parts:
            for stem in stems(text):
                counts[stem] += count
        path = title if section is found[0] else f"{titles[0]} > {title}"
        yield Section(page, f"#{section['ids'][0]}", path, counts)


def scores(found: list[Section]) -> dict[str, dict[int, int]]:
    """Return the score of each stem in the sections that have it, by their numbers, in tenths."""
    lengths = [sum(section.counts.values()) for section in found]
    mean = sum(lengths) / max(1, len(lengths))
    having = Counter(stem for section in found for stem in section.counts)
    result: dict[str, dict[int, int]] = {}
    for number, (section, length) in enumerate(zip(found, lengths, strict=True)):
        least = SATURATION * (1 - LENGTH + LENGTH * length / mean)
        for stem, count in section.counts.items():
            rarity = math.log(1 + (len(found) - having[stem] + 0.5) / (having[stem] + 0.5))
            score = rarity * count * (SATURATION + 1) / (count + least)
            result.setdefault(stem, {})[number] = round(10 * score)
    return result


def write_sections(app: Sphinx, builder: Builder) -> None:
    """Write the sections of all pages, and the scores, as a script."""
    if builder.format != "html":
        return
    pages = sorted(app.env.found_docs)
    found = [one for page in pages for one in sections(page, app.env.get_doctree(page))]
    places = [[section.page, section.anchor, section.title] for section in found]
    data = {"places": places, "scores": scores(found)}
    script = f"const searchSections = {json.dumps(data, separators=(',', ':'))};\n"
    write(Path(app.outdir, "_static", SECTIONS), script)


def load_sections(
    app: Sphinx, page: str, _template: str, _context: dict[str, Any], _doctree: Any
) -> None:
    """Load both scripts on the page of the search, before the search begins."""
    if page == "search":
        app.add_js_file(SECTIONS, loading_method="defer")
        app.add_js_file("section_search.js", loading_method="defer")
