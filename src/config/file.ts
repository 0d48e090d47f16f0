// Reads options from a YAML file and reports every problem with its line.

import { basename, resolve } from 'node:path';
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Pair, parseDocument } from 'yaml';
import { readFileText } from './file-text.js';
import { FILE_OPTIONS, type FileOption } from './option.js';
import type { Assignment, SourceReading } from './source.js';
import { didYouMean } from './suggestion.js';
import { describeFaults } from './yaml-faults.js';

/** A file with more problems is probably no configuration file. */
const MAX_PROBLEMS = 20;
/** Limit of alias uses (`*name`) in a file, because nested aliases multiply. */
const MAX_ALIASES = 100;

/**
 * Reads `--config FILE`. Keys may be written as `httpPort`, `http-port` or `http_port`. A file that is missing or not a map is one problem.
 */
export function readConfigFile(path: string, cwd: string): SourceReading {
  const file = readFileText(resolve(cwd, path));
  if ('text' in file) return parseConfigFile(file.text, basename(path));
  return { assignments: [], problems: [`${path}: cannot read the configuration file (${file.problem})`] };
}

/** @param name name of the file in messages */
export function parseConfigFile(text: string, name: string): SourceReading {
  const lines = new LineCounter();
  // Duplicate keys are detected below, because the library would compare every pair of keys.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const at = (offset: number | undefined): string => `${name}:${offset === undefined ? 1 : lines.linePos(offset).line}`;
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) return { assignments: [], problems: describeFaults(faults, { document, lines, text, name }) };
  if (document.contents === null) return { assignments: [], problems: [] };
  if (!isMap(document.contents)) {
    const got = isSeq(document.contents) ? 'a list' : 'text without a key';
    const problem = `${at(document.contents.range?.[0])}: got ${got}, expected lines of the form "httpPort: 8080"`;
    return { assignments: [], problems: [problem] };
  }
  return readPairs(document.contents.items, document, at);
}

function readPairs(
  pairs: readonly Pair[],
  document: Document,
  at: (offset: number | undefined) => string,
): SourceReading {
  const problems: string[] = [];
  const assignments: Assignment[] = [];
  const read = new NodeReader(document, at);
  for (const pair of pairs) {
    if (problems.length >= MAX_PROBLEMS) break;
    const keyNode = isScalar(pair.key) ? pair.key : undefined;
    const key = String(keyNode?.value);
    const origin = `${at(keyNode?.range?.[0])} ${JSON.stringify(key).slice(1, -1).slice(0, 64)}`;
    const option = findOption(key);
    if (option === undefined) {
      const candidates = FILE_OPTIONS.map((candidate) => candidate.key);
      const hint = isMap(pair.value)
        ? '; options stand at the beginning of their lines, in no section'
        : didYouMean(key.replaceAll(/[-_]/g, ''), candidates);
      problems.push(`${origin}: unknown key${hint}`);
      continue;
    }
    const earlier = assignments.find((assignment) => assignment.option === option);
    if (earlier !== undefined) {
      problems.push(`${origin}: already set at ${earlier.origin}`);
      continue;
    }
    try {
      const raw = read.value(pair.value);
      if (raw === null || raw === '') problems.push(`${origin}: no value; leave the line out to get the default`);
      else assignments.push({ option, raw, origin, entryOrigin: read.entryOrigin(pair.value, origin) });
    } catch (error) {
      if (!(error instanceof UnreadableNode)) throw error;
      problems.push(`${at(error.offset)} ${option.key}: ${error.message}`);
    }
  }
  return { assignments, problems };
}

function findOption(key: string): FileOption | undefined {
  const camel = key.replaceAll(/[-_]([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return FILE_OPTIONS.find((option) => option.key === camel);
}

class UnreadableNode extends Error {
  readonly offset: number | undefined;

  constructor(message: string, offset: number | undefined) {
    super(message);
    this.offset = offset;
  }
}

/** Reads values as they were written: YAML takes `1234` for a number, but the type is decided by the option. */
class NodeReader {
  readonly #document: Document;
  readonly #at: (offset: number | undefined) => string;
  #aliases = 0;

  constructor(document: Document, at: (offset: number | undefined) => string) {
    this.#document = document;
    this.#at = at;
  }

  /** Text, null, or lists and maps of these. @throws {UnreadableNode} */
  value(node: unknown): unknown {
    if (isAlias(node)) return this.value(this.#target(node));
    if (isScalar(node)) return node.value === null ? null : (node.source ?? String(node.value));
    if (isSeq(node)) return node.items.map((item) => this.value(item));
    if (!isMap(node)) return null;
    const entries = new Map<string, unknown>();
    for (const { key, value } of node.items) {
      const offset = isScalar(key) ? key.range?.[0] : node.range?.[0];
      const name = isScalar(key) ? String(key.value) : undefined;
      if (name === undefined) throw new UnreadableNode('a list or map is in the place of a key', offset);
      if (entries.has(name)) throw new UnreadableNode(`${JSON.stringify(name.slice(0, 64))} is there twice`, offset);
      entries.set(name, this.value(value));
    }
    return Object.fromEntries(entries);
  }

  /** Returns the place of each entry of a list. */
  entryOrigin(node: unknown, origin: string): (index: number) => string {
    const key = origin.slice(origin.indexOf(' ') + 1);
    const items = isSeq(node) ? node.items : [];
    return (index) => {
      const item = items[index];
      const offset = isScalar(item) || isMap(item) || isSeq(item) ? item.range?.[0] : undefined;
      return `${offset === undefined ? origin : `${this.#at(offset)} ${key}`}, entry ${index + 1}`;
    };
  }

  #target(alias: { resolve(document: Document): unknown; readonly source: string; readonly range?: unknown }): unknown {
    const offset = Array.isArray(alias.range) ? Number(alias.range[0]) : undefined;
    this.#aliases++;
    if (this.#aliases > MAX_ALIASES) throw new UnreadableNode(`more than ${MAX_ALIASES} aliases (*name)`, offset);
    const target = alias.resolve(this.#document);
    if (target === undefined) {
      throw new UnreadableNode(`*${alias.source} stands for nothing; put a value that starts with * in quotes`, offset);
    }
    return target;
  }
}
