// A pasted message has other shapes, names and line numbers than the one on the page of errors, and
// often a traceback around it. So the entry whose message has most of the query's words comes first.
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
    return errorMessages // of error_messages.js
      .map((one) => ({ ...one, ...likeness(query, words(one.message)) }))
      .filter((one) => one.shared > 3 && one.part > 0.6)
      .sort((a, b) => b.part - a.part || b.both - a.both)[0];
  };

  const search = Search._performSearch;
  Search._performSearch = (query, ...terms) => {
    const results = search(query, ...terms);
    const found = nearest(query);
    if (!found) return results;
    const { page, anchor, title } = found;
    const others = results.filter((one) => one[0] !== page || one[2] !== anchor);
    return [...others, [page, title, anchor, null, 100, "", SearchResultKind.index]];
  };
}
