/** Sends what is done with results as events of User Behavior Insights (UBI). Each has an id, so it counts once. */

import { call } from "../shared/api.js";
import { withKey } from "../shared/key.js";
import { freshId, ids } from "./visitor.js";

/**
 * Make an event.
 *
 * @param {string} action Its name: `click`, `like`, `play`, `dislike`, `impression` or `dwell`.
 * @param {{query_id: string}} page The response to the search.
 * @param {string} objectId The document's id.
 * @param {number} ordinal Its place on the page, from 1.
 * @param {Record<string, unknown>} [attributes] Further attributes.
 */
export function eventOf(action, page, objectId, ordinal, attributes = {}) {
  return {
    event_id: freshId(),
    action_name: action,
    query_id: page.query_id,
    timestamp: new Date().toISOString(),
    ...ids(),
    event_attributes: { object: { object_id: objectId }, position: { ordinal }, ...attributes },
  };
}

/**
 * Send events; asks for an API key if the server wants one.
 *
 * @param {object[]} events The events, at most 1,000.
 * @returns {Promise<any>} The response.
 */
export function send(events) {
  return withKey("the scopes search and feedback", () => call("POST", "/feedback/run", { events }));
}

/** Send events while the page may be going away; nobody is told if that fails. */
export function sendQuietly(events) {
  if (events.length) call("POST", "/feedback/run", { events }, { keepalive: true }).catch(() => {});
}

/**
 * Tell which results were seen: half of one for a second.
 *
 * @param {{query_id: string}} page The response to the search.
 * @param {Array<[Element, string, number]>} shown Each result's element, id and place.
 * @returns {() => void} Stops it, and sends what was seen.
 */
export function watchImpressions(page, shown) {
  const places = new Map(shown.map(([element, id, ordinal]) => [element, { id, ordinal, timer: 0 }]));
  let seen = [];
  const flush = () => {
    sendQuietly(seen);
    seen = [];
  };
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const place = places.get(target);
      clearTimeout(place.timer);
      if (!isIntersecting) continue;
      place.timer = setTimeout(() => {
        observer.unobserve(target);
        seen.push(eventOf("impression", page, place.id, place.ordinal));
        if (seen.length === 1) setTimeout(flush, 2000);
      }, 1000);
    }
  }, { threshold: 0.5 });
  for (const element of places.keys()) observer.observe(element);
  return () => {
    observer.disconnect();
    for (const { timer } of places.values()) clearTimeout(timer);
    flush();
  };
}
