// A stream to record. The test makes its segments, and its live copy is on a real disk.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type {
  AvailableSegments,
  RecordedRendition,
  RecordedSegment,
  RecordedStream,
  RecordedStreamListener,
  RecordedVariants,
} from '../../src/recording/recorded-stream.js';

const START = Date.parse('2026-11-28T12:00:00Z');

export const SOURCE: RecordedRendition = { name: 'source', video: true };
export const AUDIO: RecordedRendition = { name: 'audio', video: false };

export interface SegmentOptions {
  readonly duration?: number;
  readonly at?: number;
  readonly discontinuity?: boolean;
  readonly gap?: boolean;
  /** Pictures cannot begin with it. */
  readonly dependent?: boolean;
  /** Whether the segment is only in memory, and not in the live copy on disk. */
  readonly unstored?: boolean;
  /** Whether the segment is no longer in memory nor on disk. */
  readonly lost?: boolean;
  /** The announced number of bytes; default: the actual one. */
  readonly length?: number;
}

export class FakeStream implements RecordedStream {
  readonly app = 'live';
  readonly name: string;
  readonly targetDuration = 2;
  ended = false;
  nextNumber = 100;
  renditions: readonly string[] = ['source', 'audio'];
  readonly #liveDirectory: string | undefined;
  readonly #listeners = new Set<RecordedStreamListener>();

  constructor(name: string, liveDirectory: string | undefined) {
    this.name = name;
    this.#liveDirectory = liveDirectory;
  }

  subscribe(listener: RecordedStreamListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  variants(): RecordedVariants {
    const added = new Set<string>();
    return {
      add: (rendition) => void added.add(rendition),
      text: (ended) =>
        added.size === 0
          ? undefined
          : `#EXTM3U\n#EXT-X-VERSION:6\n${[...added].map((name) => `#EXT-X-STREAM-INF:BANDWIDTH=${ended ? 2 : 1}\n${name}/index.m3u8\n`).join('')}`,
    };
  }

  readonly #segments = new Map<RecordedRendition, RecordedSegment[]>();

  available(): readonly AvailableSegments[] {
    return [...this.#segments].map(([rendition, segments]) => ({ rendition, segments }));
  }

  /** The oldest segments can no longer be loaded. */
  forget(count: number): void {
    for (const segments of this.#segments.values()) segments.splice(0, count);
  }

  get multivariant(): string | undefined {
    const variants = this.variants();
    for (const [{ name }, [segment]] of this.#segments) if (segment !== undefined) variants.add(name, segment);
    return variants.text(false);
  }

  livePath(rendition: string, uri: string): string | undefined {
    return this.#liveDirectory && join(this.#liveDirectory, rendition, uri);
  }

  /** `stored` waits for this promise. */
  disk: Promise<void> = Promise.resolve();

  stored(): Promise<void> {
    return this.disk;
  }

  /** Adds a complete segment. */
  add(rendition: RecordedRendition, number: number, options: SegmentOptions = {}): RecordedSegment {
    const {
      duration = 2,
      discontinuity = false,
      gap = false,
      dependent = false,
      unstored = false,
      lost = false,
    } = options;
    const bytes = gap ? Buffer.alloc(0) : Buffer.from(`${rendition.name} ${number}`.padEnd(100, '.'));
    const uri = `seg-${number}.m4s`;
    const live = this.livePath(rendition.name, uri);
    const isStored = live !== undefined && !unstored && !gap;
    if (isStored && !lost) {
      mkdirSync(join(live, '..'), { recursive: true });
      writeFileSync(live, bytes);
    }
    const segment: RecordedSegment = {
      ...{ number, uri, duration, discontinuity, gap, keyFrameBytes: rendition.video && !dependent ? 10 : undefined },
      programDateTime: options.at ?? START + (number - 100) * 2000,
      init: { uri: 'init-100.mp4', bytes: Buffer.from(`init of ${rendition.name}`) },
      media: {
        length: options.length ?? bytes.length,
        isStored,
        pieces: lost ? [] : [bytes.subarray(0, 40), bytes.subarray(40)],
      },
    };
    this.#segments.set(rendition, [...(this.#segments.get(rendition) ?? []), segment]);
    this.nextNumber = Math.max(this.nextNumber, number + 1);
    for (const listener of this.#listeners) listener.segment(rendition, segment);
    return segment;
  }

  end(): void {
    this.ended = true;
    for (const listener of [...this.#listeners]) listener.ended();
  }
}
