// The time by the gateway's clock. The clock of a viewer's computer may be wrong by minutes, and all times that we receive are the
// gateway's.

/** Milliseconds. The Date header has whole seconds, so a smaller difference means nothing. */
const TOLERANCE = 1_500;
/** Milliseconds. A slower answer may have been delayed in either direction. */
const PROMPT = 1_000;

let offset = 0;

/** Milliseconds since 1970 by the gateway's clock, as far as known. */
export function serverNow() {
  return Date.now() + offset;
}

/** Like `fetch`, and also reads the clock of the server. @param {string | URL} url @param {RequestInit} [init] */
export async function askServer(url, init) {
  const asked = Date.now();
  const response = await fetch(url, init);
  compareClocks(response, asked, Date.now());
  return response;
}

function compareClocks({ headers }, asked, answered) {
  const date = Date.parse(headers.get('date') ?? '');
  if (Number.isNaN(date) || answered - asked > PROMPT) return;
  const age = Number(headers.get('age') ?? 0) * 1000;
  const difference = date + age + 500 - (asked + answered) / 2;
  offset = Math.abs(difference) > TOLERANCE ? difference : 0;
}
