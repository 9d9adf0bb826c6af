/** Calls of the server's HTTP API. */

const KEY = "ltrr-api-key";

/** A call that was refused or failed; `status` is 0 where no answer came. */
export class ApiError extends Error {
  /**
   * @param {number} status The HTTP status.
   * @param {string} detail What is wrong.
   * @param {number} [retryAfter] Seconds after which a retry makes sense.
   */
  constructor(status, detail, retryAfter) {
    super(detail);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** @returns {string|null} The API key of this tab. */
export function storedKey() {
  return sessionStorage.getItem(KEY);
}

/** @param {string|null} key Keep a key until this tab is closed; `null` forgets it. */
export function storeKey(key) {
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
}

/**
 * Call the server.
 *
 * @param {string} method The HTTP method.
 * @param {string} path The path, with its query.
 * @param {unknown} [body] Sent as JSON.
 * @param {{signal?: AbortSignal, keepalive?: boolean, key?: string}} [options] `keepalive` lets the call outlive the
 *   page; `key` is tried in the place of the stored one.
 * @returns {Promise<any>} The response's JSON.
 * @throws {ApiError} If the server refuses the call, or does not answer.
 */
export async function call(method, path, body, { signal, keepalive = false, key = storedKey() ?? undefined } = {}) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key) headers["X-API-Key"] = key;
  let response;
  try {
    const sent = body === undefined ? undefined : JSON.stringify(body);
    response = await fetch(path, { method, headers, body: sent, signal, keepalive, credentials: "same-origin" });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "The server does not answer. It may be down, or the network is.");
  }
  const answer = await response.json().catch(() => null);
  if (response.ok) return answer;
  throw new ApiError(response.status, detailOf(answer) || response.statusText, secondsOf(response));
}

function detailOf(answer) {
  const detail = answer?.detail;
  if (Array.isArray(detail)) return detail.map((each) => `${each.loc?.slice(1).join(".")}: ${each.msg}`).join("; ");
  if (typeof detail === "string") return detail;
  return answer?.results?.map((each) => each.reason).filter(Boolean).join("; ");
}

function secondsOf(response) {
  const seconds = Number(response.headers.get("Retry-After"));
  return Number.isFinite(seconds) && seconds > 0 ? seconds : undefined;
}
