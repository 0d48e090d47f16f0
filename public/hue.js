// A colour for each stream, the same on every page and at every visit.

/** @param {string} text @returns {number} degrees on the colour wheel */
export function hueOf(text) {
  let hash = 0;
  for (const character of text) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 360;
  return hash;
}
