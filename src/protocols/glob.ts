// Patterns such as `live/cam-*` for the names of streams, matched in time proportional to pattern and name, whatever the pattern.

/** @param pattern `*` matches any characters except `/` */
export function matchesGlob(pattern: string, text: string): boolean {
  const [patterns, texts] = [pattern.split('/'), text.split('/')];
  return patterns.length === texts.length && patterns.every((part, index) => matchesPart(part, texts[index] ?? ''));
}

/** Takes the first place for each piece between two stars: if a later place matches, the first one does too. */
function matchesPart(pattern: string, text: string): boolean {
  const pieces = pattern.split('*');
  const [first = '', last = ''] = [pieces[0], pieces.at(-1)];
  if (pieces.length === 1) return pattern === text;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let position = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, position);
    if (found < 0 || found + piece.length > end) return false;
    position = found + piece.length;
  }
  return true;
}
