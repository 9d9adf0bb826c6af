/** Calls of this server's API. */

import { apiKey } from "./key.js";

/** Where the server's paths begin, also behind a proxy that puts something before them. */
const ROOT = new URL("../../", import.meta.url);

const FIELDS = { query: "query", user_id: "user id" };

/** Why a call failed: `status` is 0 where no answer came, `retryAfter` in seconds or null, `body` what was answered. */
export class ApiError extends Error {
  constructor(status, message, retryAfter = null, body = null) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
    this.body = body;
  }
}

/**
 * Get what a path of this server answers.
 *
 * @param {string} path Begins with `/`.
 * @param {{signal?: AbortSignal}} [options]
 * @returns {Promise<any>} The JSON.
 * @throws {ApiError} If there is no answer, or one that is no success.
 */
export function getJson(path, options = {}) {
  return call(path, { ...options, method: "GET" });
}

/**
 * Send JSON to a path of this server.
 *
 * @param {string} path Begins with `/`.
 * @param {any} body
 * @param {{signal?: AbortSignal, keepalive?: boolean, method?: string}} [options]
 * @returns {Promise<any>} The JSON.
 * @throws {ApiError} If there is no answer, or one that is no success.
 */
export function sendJson(path, body, options = {}) {
  return call(path, {
    method: "POST",
    ...options,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

async function call(path, options) {
  const key = apiKey();
  const headers = { Accept: "application/json", ...options.headers, ...(key === null ? {} : { "X-API-Key": key }) };
  let answer;
  try {
    answer = await fetch(new URL(path.replace(/^\/+/, ""), ROOT), { ...options, headers, cache: "no-store", credentials: "omit", redirect: "error" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "the server cannot be reached");
  }
  const body = await answer.json().catch(() => null);
  if (answer.ok) return body;
  const seconds = Number.parseInt(answer.headers.get("Retry-After") ?? "", 10);
  throw new ApiError(answer.status, detailOf(body, answer.status), Number.isFinite(seconds) ? seconds : null, body);
}

/** What is wrong with a field of a request, without the names of the API's fields. */
function invalid({ loc, msg }) {
  const subject = FIELDS[loc?.at(-1)];
  if (subject === undefined) return "The request is not valid";
  const most = /at most (\d+) character/.exec(msg);
  return most ? `The ${subject} may have at most ${most[1]} characters` : `The ${subject} is not valid: ${msg}`;
}

function detailOf(body, status) {
  const detail = body?.detail;
  if (typeof detail === "string") return detail;
  if (Array.isArray(detail)) return detail.map(invalid).join("; ");
  return `the server answered with status ${status}`;
}
