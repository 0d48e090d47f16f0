// `sluice recording`: lists, starts, stops, names, pins, cuts, downloads and removes the recordings of the gateway that runs on this machine.

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createPlayToken, newSid } from '../access/tickets/play-token.js';
import type { Config } from '../config/schema.js';
import { findPlayKeys } from '../gateway.js';
import { inWords, refuse } from './command-failures.js';
import { cliError } from './errors.js';
import { type CommandIo, EXIT_OK } from './io.js';
import { localHost, type ManagementClient, reach, withManagement } from './management-client.js';
import type { CommandArguments } from './play-links.js';

export const RECORDING_FLAGS: readonly string[] = [
  '--from',
  '--to',
  '--title',
  '--renditions',
  '--rendition',
  '--output',
];

const USAGE =
  'usage: sluice recording list [APP/NAME] | show ID | start APP/NAME [--renditions all] [--title TEXT] | stop APP/NAME | ' +
  'title ID TEXT | pin ID | unpin ID | delete ID | clip ID|APP/NAME --from TIME [--to TIME] [--title TEXT] | ' +
  'download ID [--rendition 720p] [--output FILE]; TIME is seconds from the beginning (-30: from the end), or a date';

const ID = /^[0-9a-hjkmnp-tv-z]{26}$/;
const STREAM = /^[\w.-]{1,255}\/[\w.-]{1,255}$/;
const PAGE = 500;
/** A download of an hour takes this long on a slow disk. */
const DOWNLOAD_TOKEN: number = 24 * 3600;

interface ShownRecording {
  readonly id: string;
  readonly app: string;
  readonly name: string;
  readonly title?: string;
  readonly pinned: boolean;
  readonly state: string;
  readonly start: string;
  readonly duration: number;
  readonly bytes: number;
  readonly clip?: { readonly of?: string; readonly from: string; readonly to: string };
}

interface Given extends CommandArguments {
  readonly config: Config;
  readonly io: CommandIo;
}

type Action = (client: ManagementClient, target: string, given: Given) => Promise<void>;

const ACTIONS: ReadonlyMap<string, { readonly target: RegExp; readonly words: number; readonly run: Action }> = new Map(
  Object.entries({
    show: { target: ID, words: 0, run: show },
    start: { target: STREAM, words: 0, run: start },
    stop: { target: STREAM, words: 0, run: stop },
    title: { target: ID, words: 1, run: title },
    pin: { target: ID, words: 0, run: (client, id, given) => pin(client, id, given, true) },
    unpin: { target: ID, words: 0, run: (client, id, given) => pin(client, id, given, false) },
    delete: { target: ID, words: 0, run: remove },
    clip: { target: new RegExp(`${ID.source}|${STREAM.source}`), words: 0, run: clip },
    download: { target: ID, words: 0, run: download },
  } satisfies Record<string, { target: RegExp; words: number; run: Action }>),
);

/** @returns the exit status */
export async function recording(config: Config, io: CommandIo, { words, flags }: CommandArguments): Promise<number> {
  const [what = '', target = '', ...rest] = words;
  const given = { config, io, words: rest, flags };
  if (what === 'list' && rest.length === 0 && (target === '' || STREAM.test(target))) {
    return inWords(io, () => withManagement(config, (client) => list(client, target, io)));
  }
  const action = ACTIONS.get(what);
  if (action === undefined || !action.target.test(target) || rest.length !== action.words) return refuse(io, USAGE);
  if (what === 'clip' && !flags.has('--from')) return refuse(io, USAGE);
  return inWords(io, async () => {
    await withManagement(config, (client) => action.run(client, target, given));
    return EXIT_OK;
  });
}

async function list(client: ManagementClient, stream: string, io: CommandIo): Promise<number> {
  const [app, name] = stream.split('/');
  const query = stream === '' ? '' : `&app=${app}&name=${name}`;
  let found = 0;
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const after: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const page = (await client.ask('GET', `recordings?limit=${PAGE}${query}${after}`)) as {
      readonly recordings: readonly ShownRecording[];
      readonly cursor?: string;
      readonly incomplete?: true;
    };
    for (const shown of page.recordings) io.stdout.write(`${lineOf(shown)}\n`);
    found += page.recordings.length;
    cursor = page.cursor;
    if (cursor === undefined && page.incomplete === true) {
      io.stderr.write('The list is not complete: the gateway has just started and still reads recordings.\n');
      return EXIT_OK;
    }
  }
  if (found === 0) io.stderr.write('There are no recordings.\n');
  return EXIT_OK;
}

async function show(client: ManagementClient, id: string, { io }: Given): Promise<void> {
  io.stdout.write(`${JSON.stringify(await client.ask('GET', `recordings/${id}`), undefined, 2)}\n`);
}

async function start(client: ManagementClient, stream: string, { io, flags }: Given): Promise<void> {
  const renditions = flags.get('--renditions');
  const name = flags.get('--title');
  const body = { ...(renditions !== undefined && { renditions }), ...(name !== undefined && { title: name }) };
  io.stdout.write(`${lineOf((await client.ask('POST', `streams/${stream}/recording`, body)) as ShownRecording)}\n`);
}

async function stop(client: ManagementClient, stream: string, { io }: Given): Promise<void> {
  io.stdout.write(`${lineOf((await client.ask('DELETE', `streams/${stream}/recording`)) as ShownRecording)}\n`);
}

async function title(client: ManagementClient, id: string, { io, words }: Given): Promise<void> {
  const changed = await client.ask('PATCH', `recordings/${id}`, { title: words[0] });
  io.stdout.write(`${lineOf(changed as ShownRecording)}\n`);
}

async function pin(client: ManagementClient, id: string, { io }: Given, pinned: boolean): Promise<void> {
  io.stdout.write(`${lineOf((await client.ask('PATCH', `recordings/${id}`, { pinned })) as ShownRecording)}\n`);
}

async function remove(client: ManagementClient, id: string, { io }: Given): Promise<void> {
  await client.ask('DELETE', `recordings/${id}`);
  io.stdout.write(`The recording ${id} is removed.\n`);
}

async function clip(client: ManagementClient, target: string, { io, flags }: Given): Promise<void> {
  const [from, to] = [pointOf(flags.get('--from')), pointOf(flags.get('--to'))];
  const name = flags.get('--title');
  const body = { from, ...(to !== undefined && { to }), ...(name !== undefined && { title: name }) };
  const of = ID.test(target) ? `recordings/${target}` : `streams/${target}`;
  io.stdout.write(`${lineOf((await client.ask('POST', `${of}/clips`, body)) as ShownRecording)}\n`);
}

/** Seconds, or a date as it is. */
function pointOf(text: string | undefined): number | string | undefined {
  return text !== undefined && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

async function download(client: ManagementClient, id: string, { config, io, flags }: Given): Promise<void> {
  const { app, name, start: begin } = (await client.ask('GET', `recordings/${id}`)) as ShownRecording;
  const url = new URL(`http://${localHost(config.host)}:${config.httpPort}/vod/${id}.mp4`);
  const rendition = flags.get('--rendition');
  if (rendition !== undefined) url.searchParams.set('rendition', rendition);
  if (config.playAccess === 'token') {
    const until = Math.floor(Date.now() / 1000) + DOWNLOAD_TOKEN;
    url.searchParams.set(
      'token',
      createPlayToken({ stream: `${app}/${name}`, until, sid: newSid() }, await findPlayKeys(config)),
    );
  }
  const file = resolve(io.cwd, flags.get('--output') ?? `${name}-${begin.slice(0, 19).replaceAll(':', '-')}.mp4`);
  const response = await reach(url);
  if (!response.ok || response.body === null) {
    const { message } = (await response.json()) as { readonly message?: string };
    throw cliError('cli.gateway', `the gateway answers: ${message ?? `status ${response.status}`}`);
  }
  // `wx`: a file that is there is never overwritten.
  const output = createWriteStream(file, { flags: 'wx' });
  await once(output, 'open');
  try {
    await pipeline(Readable.fromWeb(response.body as never), output);
  } catch (cause) {
    await rm(file, { force: true });
    throw cliError(
      'cli.gateway',
      'the gateway stopped in the middle of the recording, so nothing was kept: try again',
      { cause },
    );
  }
  io.stdout.write(`${file}\n`);
}

function lineOf({
  id,
  app,
  name,
  title: given,
  pinned,
  state,
  start: begin,
  duration,
  bytes,
  clip: cut,
}: ShownRecording): string {
  const size = `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const marks = [
    ...(pinned ? ['pinned'] : []),
    ...(cut === undefined ? [] : [`clip of ${cut.of ?? 'the live stream'}`]),
  ];
  const fields = [id, `${app}/${name}`, begin, `${duration.toFixed(1)} s`, size, state, ...marks];
  return [...fields, ...(given === undefined ? [] : [JSON.stringify(given)])].join('  ');
}
