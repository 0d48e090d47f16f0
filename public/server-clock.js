// The time by the gateway's clock: that of a viewer's computer may be wrong by minutes, and everything we are told has the gateway's.

/** Milliseconds. The Date header counts whole seconds, so a smaller difference says nothing. */
const TOLERANCE = 1_500;
/** Milliseconds. A slower answer may have waited on either side. */
const PROMPT = 1_000;

let offset = 0;

/** Milliseconds since the epoch, by the gateway's clock as far as we know it. */
export function serverNow() {
  return Date.now() + offset;
}

/** `fetch` that also looks at the clock of whoever answers. @param {string | URL} url @param {RequestInit} [init] */
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
