// The YAML file as a source of options, with the line of everything that is wrong in it.

import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { systemReason } from '../protocols/system-error.js';
import { FILE_OPTIONS, type FileOption } from './option.js';
import type { Assignment, SourceReading } from './source.js';
import { didYouMean } from './suggestion.js';

/** Reads `--config FILE`; keys may be written `httpPort`, `http-port` or `http_port`. A file that is missing or no map is one problem. */
export function readConfigFile(path: string, cwd: string): SourceReading {
  let text: string;
  try {
    text = readFileSync(resolve(cwd, path), 'utf8');
  } catch (error) {
    return { assignments: [], problems: [`${path}: cannot read the configuration file (${systemReason(error)})`] };
  }
  return parseConfigFile(text, basename(path));
}

/** @param name how the file is called in messages. */
export function parseConfigFile(text: string, name: string): SourceReading {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number | undefined): string => `${name}:${offset === undefined ? 1 : lines.linePos(offset).line}`;
  // Only place and kind of a syntax error: the text around it may be the key.
  const problems = document.errors.map((error) => `${at(error.pos[0])}: not valid YAML (${error.code})`);
  if (problems.length > 0 || document.contents === null) return { assignments: [], problems };
  if (!isMap(document.contents)) {
    return { assignments: [], problems: [`${name}: expected lines of the form "httpPort: 8080"`] };
  }

  const assignments: Assignment[] = [];
  for (const pair of document.contents.items) {
    const keyNode = isScalar(pair.key) ? pair.key : undefined;
    const key = String(keyNode?.value);
    const origin = `${at(keyNode?.range?.[0])} ${JSON.stringify(key).slice(1, -1).slice(0, 64)}`;
    const option = findOption(key);
    if (option === undefined) {
      const candidates = FILE_OPTIONS.map((candidate) => candidate.key);
      problems.push(`${origin}: unknown key${didYouMean(key.replaceAll(/[-_]/g, ''), candidates)}`);
      continue;
    }
    const earlier = assignments.find((assignment) => assignment.option === option);
    if (earlier !== undefined) {
      problems.push(`${origin}: already set at ${earlier.origin}`);
      continue;
    }
    const raw = toValue(pair.value);
    if (raw === null || raw === undefined || raw === '') {
      problems.push(`${origin}: no value; leave the line out to get the default`);
    } else {
      assignments.push({ option, raw, origin });
    }
  }
  return { assignments, problems };
}

function findOption(key: string): FileOption | undefined {
  const camel = key.replaceAll(/[-_]([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return FILE_OPTIONS.find((option) => option.key === camel);
}

function toValue(node: unknown): unknown {
  if (node === null || node === undefined) return node;
  const value = node as { toJSON?: () => unknown };
  return typeof value.toJSON === 'function' ? value.toJSON() : undefined;
}
