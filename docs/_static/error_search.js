// A pasted message has other shapes, names and line numbers than the one in the index, and often
// a traceback around it. So a query that has most of the words of a message searches for that one.
"use strict";
{
  const words = (text) => new Set(text.toLowerCase().match(/[\p{Letter}_]{2,}/gu));

  const likeness = (query, message) => {
    const shared = [...message].filter((word) => query.has(word)).length;
    return {
      shared,
      part: shared / Math.min(query.size, message.size),
      both: shared / (query.size + message.size),
    };
  };

  const nearest = (text) => {
    const query = words(text);
    const found = Object.keys(Search._index.indexentries)
      .filter((entry) => /^\w+(error|warning): /.test(entry))
      .map((entry) => ({ entry, ...likeness(query, words(entry)) }))
      .filter((one) => one.shared > 3 && one.part > 0.6)
      .sort((a, b) => b.part - a.part || b.both - a.both);
    return found.length ? found[0].entry : text;
  };

  const titleAt = (anchor) => {
    const titles = Object.entries(Search._index.alltitles);
    return titles.find(([, places]) => places.some(([, id]) => `#${id}` === anchor))?.[0];
  };

  const search = Search._performSearch;
  Search._performSearch = (query, ...terms) =>
    search(nearest(query), ...terms).map(([page, title, anchor, ...rest]) => {
      const entry = rest.at(-1) === SearchResultKind.index && titleAt(anchor);
      return [page, entry ? `${title} > ${entry}` : title, anchor, ...rest];
    });
}
