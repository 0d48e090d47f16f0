// Explains YAML syntax errors in plain words, with their line. The library reports codes that only programmers understand.

import { type Document, type ErrorCode, isScalar, type LineCounter, visit, type YAMLError } from 'yaml';
import { FILE_OPTIONS } from './option.js';

const QUOTE_IT = 'put the value in quotes';
const OPEN_QUOTE = 'the quote that begins here is not closed';
const NOT_HERE = 'this cannot stand here; is a quote, a bracket, a comma or a line break missing before it?';

const WORDS: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: `a value that starts with * is an alias, which has no tag or anchor; ${QUOTE_IT}`,
  BAD_ALIAS: `a value that starts with * is an alias, and its name is not a good one; ${QUOTE_IT}`,
  BAD_COLLECTION_TYPE: 'the tag (!) contradicts the value after it; leave the tag out',
  BAD_DIRECTIVE: 'a line that starts with % is a directive, and this one is unknown; leave it out',
  BAD_DQ_ESCAPE: 'in double quotes, \\ must begin a known escape; use single quotes, or write \\\\',
  BAD_INDENT: 'the closing bracket is missing, or this line must be indented more',
  BAD_PROP_ORDER: 'anchor (&) and tag (!) stand in the wrong place; leave them out',
  BAD_SCALAR_START: `a value must not start with this character; ${QUOTE_IT}`,
  BLOCK_AS_IMPLICIT_KEY:
    'a second "key: value" inside a value; give each key a line of its own, indented alike, or put the value in quotes',
  BLOCK_IN_FLOW: 'inside [ ] and { } entries are separated by commas, not written on lines with "- " or "key:"',
  DUPLICATE_KEY: 'this key is set twice',
  IMPOSSIBLE: NOT_HERE,
  KEY_OVER_1024_CHARS: 'a key of more than 1024 characters; is a line break missing?',
  MISSING_CHAR: 'something is missing before this: a quote, a bracket, or the "- " of an entry',
  MULTILINE_IMPLICIT_KEY: 'expected "key: value", with a space after the colon and the key on one line',
  MULTIPLE_ANCHORS: 'two anchors (&) for one value; leave them out',
  MULTIPLE_DOCS: '"---" begins a second document; everything must be in one',
  MULTIPLE_TAGS: 'two tags (!) for one value; leave them out',
  NON_STRING_KEY: 'a key must be a word',
  RESOURCE_EXHAUSTION: 'lists and maps are nested too deeply',
  TAB_AS_INDENT: 'a tab indents this line; use spaces',
  TAG_RESOLVE_FAILED: `a value that starts with ! is a tag, and this one is unknown; ${QUOTE_IT}`,
  UNEXPECTED_TOKEN: NOT_HERE,
};

/** The library uses one code for several mistakes; its messages distinguish them. */
const BY_MESSAGE: readonly (readonly [RegExp, string])[] = [
  [/Missing closing .*quote/, OPEN_QUOTE],
  [/Flow map/, 'the closing } is missing'],
  [/Flow sequence.* must end|end with a \]$/, 'the closing ] is missing, or this line must be indented more'],
  [
    /Sequence item without -/,
    'this line is indented differently from its neighbours, or the "- " of an entry is missing',
  ],
  [/same column|indented at the same/, 'this line is indented differently from its neighbours'],
];

export interface FaultyText {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly text: string;
  /** Name of the file in messages. */
  readonly name: string;
}

/** More errors are mostly consequences of the first few. */
const MAX_FAULTS = 3;

/** One text for each of the first lines with an error: place and explanation, followed by the line itself. */
export function describeFaults(faults: readonly YAMLError[], { document, lines, text, name }: FaultyText): string[] {
  const described = new Map<number, string>();
  // An explanation that fits exactly one mistake is preferred to a general one.
  const specificFirst = [...faults].sort((a, b) => Number(hasOwnMessage(b)) - Number(hasOwnMessage(a)));
  for (const fault of specificFirst) {
    const words = faultWords(fault);
    const { line, col } = lines.linePos(words === OPEN_QUOTE ? startOfLastQuote(document) : fault.pos[0]);
    if (described.has(line) || described.size >= MAX_FAULTS) continue;
    described.set(line, `${name}:${line}:${col}: not valid YAML: ${words}\n    ${line} | ${excerpt(text, line)}`);
  }
  return [...described.values()];
}

/** An unclosed quote is noticed only at the end of the file, so the place where it was opened is reported. */
function startOfLastQuote(document: Document): number {
  let start = 0;
  visit(document, (_, node) => {
    if (isScalar(node) && (node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE'))
      start = node.range?.[0] ?? start;
  });
  return start;
}

function hasOwnMessage({ message }: YAMLError): boolean {
  return BY_MESSAGE.some(([text]) => text.test(message));
}

function faultWords({ code, message }: YAMLError): string {
  return BY_MESSAGE.find(([text]) => text.test(message))?.[1] ?? WORDS[code];
}

const MAX_EXCERPT = 80;
/** Text that may contain a secret: names of such options, and the form of a stored password. */
const SECRET_TEXT = /publish|users|hash|pass|adobe:/i;
const TOP_LEVEL_KEY = /^["']?([A-Za-z][\w-]*)["']?\s*:/;

/**
 * The line itself, which helps to find it. If it may contain a secret, only its key.
 * @param line counted from 1
 */
function excerpt(text: string, line: number): string {
  const lines = text.split(/\r\n|\r|\n/);
  const shown = lines[line - 1] ?? '';
  if (!isHarmless(lines, line)) {
    const key = /^\s*(?:- )?\s*["']?[A-Za-z][\w-]{0,63}["']?\s*:/.exec(shown)?.[0];
    return key === undefined
      ? '(not shown: it may hold a secret)'
      : `${printable(key)} (not shown: it may hold a secret)`;
  }
  return printable(shown.length > MAX_EXCERPT ? `${shown.slice(0, MAX_EXCERPT)}…` : shown);
}

/** Whether the line belongs to a known option that contains no secret. */
function isHarmless(lines: readonly string[], line: number): boolean {
  if (SECRET_TEXT.test(lines[line - 1] ?? '')) return false;
  for (let above = line; above >= 1; above--) {
    const key = TOP_LEVEL_KEY.exec(lines[above - 1] ?? '')?.[1];
    if (key === undefined) continue;
    const name = key.replaceAll(/[-_]/g, '').toLowerCase();
    const option = FILE_OPTIONS.find((candidate) => candidate.key.toLowerCase() === name);
    return option !== undefined && option.secret !== true;
  }
  return false;
}

function printable(text: string): string {
  return text.replaceAll('\t', '→').replaceAll(/[^\P{C}]/gu, '·');
}
