// How a value that somebody wrote is shown in a message.

const MAX_SHOWN = 80;

/** One line, no control characters, not too long. */
export function quoted(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
