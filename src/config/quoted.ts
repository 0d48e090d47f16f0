// Formats a user's value for a message.

const MAX_SHOWN = 80;

/** The value on one line, without control characters, limited in length. */
export function quoted(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
