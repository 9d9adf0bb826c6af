/** The page of a search in the browser's history: Back and reload show it again without searching again. */

/**
 * Keep a page with the entry of the history that is shown now.
 *
 * @param {{query: string, who: Record<string, string>, asked: boolean, answer: any, seconds: number, done: string[]}} page
 *   The search, its answer, and what was done with it.
 * @param {string|null} [did] What was done just now.
 * @returns The page.
 */
export function keepPage(page, did = null) {
  if (did !== null) page.done.push(did);
  // What is done with a page that is not shown any more must not take the place of the one that is.
  if (did !== null && history.state?.answer?.query_id !== page.answer.query_id) return page;
  try {
    history.replaceState(page, "");
  } catch {
    // A page that is too large for the history is searched for again.
    history.replaceState(null, "");
  }
  return page;
}

/**
 * @param {string} query The query of the address.
 * @param {Record<string, string>} who Who searches now.
 * @returns The page that was kept, if it is of this query and this person; else null.
 */
export function keptPage(query, who) {
  const page = history.state;
  return page?.query === query && JSON.stringify(page.who) === JSON.stringify(who) ? page : null;
}
