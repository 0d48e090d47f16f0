// The input and result of an attack, so that the code of each attack contains only what it does to the gateway.
import type { FlvTag } from '../../src/protocols/flv/flv-tag.js';
import type { Random } from '../../test/fuzz/mutator.js';
import { Peer, sleep, type Target } from './peer.js';

export interface Recording {
  /** 640x360, which the ladder makes the gateway encode. */
  readonly large: readonly FlvTag[];
  readonly small: readonly FlvTag[];
  readonly hd: readonly FlvTag[];
  /** The beginning of a publish as a real encoder sent it: 200 kB. */
  readonly capture: Buffer;
  /** A whole publish including its end, small enough to be cut at every byte: four seconds of tiny pictures. */
  readonly wholeCapture: Buffer;
  /** The stream's name in both captures. */
  readonly captureName: string;
}

export interface Attack {
  readonly target: Target;
  readonly key: string;
  readonly web: { readonly httpPort: number; readonly httpsPort: number; readonly rtmpsPort: number };
  /** A short run does not wait for deadlines. */
  readonly isShort: boolean;
  /** Name of the stream that must not be disturbed. */
  readonly liveName: string;
  readonly recording: Recording;
  readonly random: Random;
  readonly handshakeTimeout: number;
  /** Files of the gateway's certificate. */
  readonly certificate: { readonly cert: string; readonly key: string };
  /** A count for the full attack; smaller in a short one. */
  count(full: number): number;
  /** Converts seconds for the full attack to milliseconds; less in a short one. */
  lasting(full: number): number;
}

export interface Phase {
  readonly name: string;
  /** Line of the acceptance list. */
  readonly line: string;
  /** Number of streams that the gateway accepts and keeps for viewers during this phase, in a full run. */
  readonly streams?: number;
  /** @returns what happened, in a few words. @throws if the gateway did not do what it must */
  run(attack: Attack): Promise<string>;
  /** Does the same to a server that closes each connection at its first byte. @returns how its memory grew */
  floor?(attack: Attack): Promise<Growth>;
}

/** Growth of the resident memory in bytes. */
export interface Growth {
  readonly highest: number;
  /** After a collection, with all connections closed. */
  readonly after: number;
}

export function must(holds: boolean, text: string): asserts holds {
  if (!holds) throw new Error(text);
}

/** Runs `work` for 0 … count − 1, at most `lanes` at a time. */
export async function inParallel(count: number, lanes: number, work: (index: number, lane: number) => Promise<void>) {
  let next = 0;
  const run = async (lane: number): Promise<void> => {
    for (let index = next++; index < count; index = next++) await work(index, lane);
  };
  await Promise.all(Array.from({ length: Math.min(lanes, count) }, (_, lane) => run(lane)));
}

/** A publisher that was accepted. */
export async function publisher(
  { target, key }: Pick<Attack, 'target' | 'key'>,
  name: string,
  from: string,
): Promise<Peer> {
  const peer = new Peer(target, { from });
  await peer.write(peer.publishBytes(target.port, `${name}?key=${key}`));
  const accepted = await peer.hears('NetStream.Publish.Start', 20_000);
  must(accepted, `the publish of ${name} was not accepted: ${printable(peer.tail)}`);
  return peer;
}

/** Sends tags at `speed` times real time until they end, the time is over or the gateway hangs up. @returns media sent, in ms */
export async function sendTags(
  peer: Peer,
  tags: Iterable<FlvTag>,
  { speed, forMs, timestamp = (tag) => tag.timestamp }: SendOptions,
): Promise<number> {
  const began = performance.now();
  let sent = 0;
  let index = 0;
  for (const tag of tags) {
    sent = tag.timestamp;
    const wait = began + tag.timestamp / speed - performance.now();
    if (wait > 1) await sleep(wait);
    const left = began + forMs - performance.now();
    if (left <= 0 || peer.isClosed) break;
    if (!(await peer.writeWithin(peer.tag(tag, timestamp(tag, index++)), left))) break;
  }
  return sent;
}

export interface SendOptions {
  readonly speed: number;
  readonly forMs: number;
  readonly timestamp?: (tag: FlvTag, index: number) => number;
}

/** The same pictures repeated with a continuous clock. */
export function* endless(tags: readonly FlvTag[]): Generator<FlvTag> {
  const length = (tags.at(-1)?.timestamp ?? 0) + 40;
  for (let round = 0; ; round++) {
    for (const tag of tags) yield { ...tag, timestamp: tag.timestamp + round * length };
  }
}

export function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, ' ').slice(-200);
}

/** The last status that the gateway sent. */
export function status(peer: Peer): string {
  return /(Net(?:Stream|Connection)\.[A-Za-z.]+)(?!.*Net(?:Stream|Connection)\.)/s.exec(peer.tail)?.[1] ?? 'none';
}

/** `3 a, 1 b` */
export function tally(values: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].map(([value, count]) => `${count} ${value}`).join(', ');
}
