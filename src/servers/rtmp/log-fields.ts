// Cleans text from peers, so that a log line stays one short line and cannot be forged.

/** Limit in UTF-8 bytes of a field that came from a peer. */
const MAX_FIELD_BYTES = 256;

/** C0, DEL and C1 controls, line and paragraph separators, bidirectional overrides, lone surrogates. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cf}\p{Cs}]/gu;

/** Escapes everything that could deceive a terminal or a reader, and truncates to 256 bytes. */
export function printable(text: string): string {
  // Truncates first: escaping a megabyte of which 256 bytes are kept would waste time for the peer.
  const escaped = text
    .slice(0, MAX_FIELD_BYTES)
    .replaceAll('\\', '\\\\')
    .replace(UNPRINTABLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
  const bytes = Buffer.from(escaped, 'utf8');
  if (bytes.length <= MAX_FIELD_BYTES && text.length <= MAX_FIELD_BYTES) return escaped;
  const cut = bytes.subarray(0, MAX_FIELD_BYTES - 3).toString('utf8');
  return `${cut.replace(/\uFFFD$/, '')}…`;
}
