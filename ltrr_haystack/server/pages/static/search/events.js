/** Tells the server what was done with a page, as UBI events. */

import { sendJson } from "../shared/api.js";
import { newId } from "./visitor.js";

/**
 * Make an event. It keeps its id however often it is sent, so that it counts once.
 *
 * @param {string} action What was done.
 * @param {{query_id: string, query: string, who: Record<string, string>}} search The search that it belongs to, with the
 *   ids of who searched.
 * @param {{id: string, ordinal: number}|null} [on] The document and its place on the page, from 1.
 * @param {Record<string, any>} [more] Further fields.
 * @returns {Record<string, any>}
 */
export function makeEvent(action, search, on = null, more = {}) {
  const attributes = on === null ? {} : { object: { object_id: on.id }, position: { ordinal: on.ordinal } };
  return {
    event_id: newId(),
    action_name: action,
    query_id: search.query_id,
    user_query: search.query,
    timestamp: new Date().toISOString(),
    application: "search-page",
    ...search.who,
    event_attributes: { ...attributes, ...more },
  };
}

/**
 * Send events, also while the page is being left.
 *
 * @param {Record<string, any>[]} events
 * @returns {Promise<{status: string, reason?: string}[]>} For each event what became of it.
 * @throws {ApiError} If the call failed; events that were rejected are no failure.
 */
export async function sendEvents(events) {
  try {
    return (await sendJson("/feedback/run", { events }, { keepalive: true })).results;
  } catch (error) {
    if (Array.isArray(error.body?.results)) return error.body.results;
    throw error;
  }
}

/** Send events whose loss is no loss for who searches: impressions and dwell. */
export function sendQuietly(events) {
  sendEvents(events).catch(() => {});
}
