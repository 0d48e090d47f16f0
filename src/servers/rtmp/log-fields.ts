// Peers choose what they send; a log line stays one line, short, and means what it says.

/** Bytes (UTF-8) of a field that came from a peer. */
const MAX_FIELD_BYTES = 256;

/** C0, DEL and C1 controls, line and paragraph separators, bidirectional overrides, lone surrogates. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cf}\p{Cs}]/gu;

/** The text with everything that a terminal or a reader could be fooled by escaped, cut to 256 bytes. */
export function printable(text: string): string {
  // Cut first: escaping a megabyte to keep 256 bytes of it would be a gift to whoever sent it.
  const escaped = text
    .slice(0, MAX_FIELD_BYTES)
    .replaceAll('\\', '\\\\')
    .replace(UNPRINTABLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
  const bytes = Buffer.from(escaped, 'utf8');
  if (bytes.length <= MAX_FIELD_BYTES && text.length <= MAX_FIELD_BYTES) return escaped;
  const cut = bytes.subarray(0, MAX_FIELD_BYTES - 3).toString('utf8');
  return `${cut.replace(/\uFFFD$/, '')}…`;
}
