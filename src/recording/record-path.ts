// Computes the directory of a recording below `recordDir` from the operator's template. The configuration checks the template. Every directory ends
// with the id, so no two are the same and none is overwritten.

import { join } from 'node:path';
import type { EpochMilliseconds } from '../protocols/units.js';
import { isRecordingId } from './recording-id.js';

export interface RecordingPlace {
  readonly app: string;
  readonly name: string;
  readonly id: string;
  readonly start: EpochMilliseconds;
  /** Number of the part, from 1, if a recording is split. */
  readonly part: number;
}

const ID_LENGTH = 26;

/** @param template such as `{app}/{name}/{year}-{month}-{day}/{id}`; times are UTC */
export function directoryOf(root: string, template: string, { app, name, id, start, part }: RecordingPlace): string {
  const [year = '', month = '', day = '', hour = '', minute = ''] = new Date(start).toISOString().split(/[-T:]/);
  const values: Readonly<Record<string, string>> = { app, name, id, part: `${part}`, year, month, day, hour, minute };
  const filled = template.replace(/\{(\w+)\}/g, (_, key: string) => values[key] ?? '');
  return join(root, ...filled.split('/'));
}

/** The id of a recording whose directory has this name; undefined if it is not one. */
export function idOfDirectory(name: string): string | undefined {
  const id = name.slice(-ID_LENGTH);
  const isSeparate = name.length === ID_LENGTH || name.at(-ID_LENGTH - 1) === '-';
  return isSeparate && isRecordingId(id) ? id : undefined;
}
