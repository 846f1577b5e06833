// The pages that are about a query come first, each by its best section. Then Sphinx's own results:
// functions, terms, and pages that have all words of the query.
"use strict";
{
  const { places, scores } = searchSections; // of search_sections.js
  const stemmer = new Stemmer();

  // The words of a query, as search.py splits a text: a name, and the parts of a name.
  const wordsOf = (query) => {
    const words = query.toLowerCase().match(/[\p{Letter}\p{Number}_]+/gu) ?? [];
    const parts = words.filter((word) => word.includes("_")).flatMap((word) => word.split("_"));
    const known = (word) => /\D/.test(word) && !stopwords.has(word);
    return new Set([...words, ...parts].filter(known));
  };

  // The scores of one word by section. A word that no page has may be the beginning of one that has.
  const scoresOf = (word) => {
    const stem = stemmer.stemWord(word);
    const stems = Object.hasOwn(scores, stem)
      ? [stem]
      : Object.keys(scores).filter((other) => other.startsWith(stem));
    const best = new Map();
    for (const [place, score] of stems.flatMap((one) => Object.entries(scores[one]))) {
      best.set(place, Math.max(score, best.get(place) ?? 0));
    }
    return best;
  };

  // Sections with their scores, the best first. All words of a query say more than one of them.
  const ranked = (query) => {
    const words = wordsOf(query);
    const sums = new Map();
    for (const word of words) {
      for (const [place, score] of scoresOf(word)) {
        const { sum, count } = sums.get(place) ?? { sum: 0, count: 0 };
        sums.set(place, { sum: sum + score, count: count + 1 });
      }
    }
    return [...sums]
      .map(([place, { sum, count }]) => [places[place], (sum * count) / words.size])
      .sort(([, one], [, other]) => other - one);
  };

  const search = Search._performSearch;
  Search._performSearch = (query, ...terms) => {
    const pages = new Map();
    for (const [[page, anchor, title], score] of ranked(query)) {
      if (pages.has(page)) continue;
      pages.set(page, [page, title, anchor, null, score, "", SearchResultKind.title]);
    }
    const best = [...pages.values()].slice(0, 8);
    const shown = new Set(best.map(([page]) => page));
    const others = search(query, ...terms).filter(
      ([page, , , , , , kind]) => kind === SearchResultKind.object || !shown.has(page)
    );
    // A query that is the name of a function leads to its reference.
    const isNamed = ([, title, , , , , kind]) =>
      kind === SearchResultKind.object && title.split(".").pop() === query.trim();
    const rest = others.filter((one) => !isNamed(one));
    return [...rest, ...best.reverse(), ...others.filter(isNamed)]; // Sphinx shows the last one first
  };
}
