// One sample for one picture, whatever messages it came in: encoders send NAL units, slices and parameter sets in messages of their own.
import type { Bitstream, SplitMessage, UnitRole } from './bitstream.js';

/** FLV 10.1 E.4.1: a tag has 24 bits for its size, so no picture that is larger can be handed on. */
const MAX_PICTURE_BYTES = 0xff_ff_ff;
/** What a unit costs besides its bytes: its view, and its length in the sample. */
const UNIT_OVERHEAD = 128;
/** So often a picture of fewer slices than the one before may turn out to be whole: then the number says nothing. */
const MAX_FALSE_ALARMS = 3;

export interface Picture<T> {
  /** The message with its first slice: its times are those of the picture. */
  readonly message: T;
  /** How many pictures began in that message before this one; their times have to be guessed. */
  readonly index: number;
  /** As it came in one message; undefined when it has to be joined from `units`. */
  readonly sample: Buffer | undefined;
  /** In decoding order; at least one is a slice. Views of the messages. */
  readonly units: readonly Buffer[];
}

/** What was found out about messages, each time. */
export type CutFinding =
  /** A picture was put together from more than one. */
  | 'pieces'
  /** They hold more than one. */
  | 'bundle'
  /** Slices came whose picture had gone out, or never began. */
  | 'lost'
  /** What waited for the rest of its picture was more than a picture may be. */
  | 'too-large';

export interface AccessUnitsOptions<T> {
  readonly bitstream: Bitstream;
  readonly onPicture: (picture: Picture<T>) => void;
  readonly onFinding: (finding: CutFinding) => void;
  /** Bytes that may wait for the rest of their picture. */
  readonly maxBytes?: number;
}

/** A message that is being taken apart. */
interface Source<T> {
  readonly message: T;
  /** That began in it. */
  pictures: number;
  /** Something of it went to a picture that had begun. */
  continues: boolean;
}

interface Collected<T> {
  readonly source: Source<T>;
  readonly index: number;
  sample: Buffer | undefined;
  readonly units: Buffer[];
  slices: number;
}

/**
 * - `unknown`: the first picture waits for the message after it, which tells whether it was whole.
 * - `whole`: each message ends its picture, which goes out at once, unless it has fewer slices than the one before.
 * - `pieces`: a picture ends where the next begins. An encoder that was seen to cut pictures is not believed otherwise again.
 */
type Cutting = 'unknown' | 'whole' | 'pieces';

export class AccessUnits<T> {
  readonly #options: AccessUnitsOptions<T>;
  readonly #maxBytes: number;
  #cutting: Cutting = 'unknown';
  /** A picture that has begun and may go on. */
  #current: Collected<T> | undefined;
  /** What comes before the first slice of the next picture: the delimiter apart, as it goes in front. */
  #delimiter: Buffer | undefined;
  #next: Buffer[] = [];
  #currentBytes = 0;
  #nextBytes = 0;
  /** Slices of the last picture that went out. */
  #usualSlices = 0;
  #falseAlarms = 0;

  constructor(options: AccessUnitsOptions<T>) {
    this.#options = options;
    this.#maxBytes = options.maxBytes ?? MAX_PICTURE_BYTES;
  }

  /** Bytes that wait for the rest of their picture. Their views keep at most one message more alive. */
  get heldBytes(): number {
    return this.#currentBytes + this.#nextBytes;
  }

  /** A picture waits for what comes next. */
  get holdsPicture(): boolean {
    return this.#current !== undefined;
  }

  /** A message in order of arrival: pictures that end with it are handed out before this returns. */
  push(message: T, { units, sample }: SplitMessage): void {
    if (units.length === 0) return;
    const { bitstream, onFinding } = this.#options;
    const roles = units.map((unit) => bitstream.roleOf(unit));
    this.#learn(roles);
    const nextBegan = this.#nextBytes > 0;
    const source: Source<T> = { message, pictures: 0, continues: nextBegan };
    let lost = false;
    for (const [index, unit] of units.entries()) lost = this.#take(unit, roles[index] ?? 'suffix', source) || lost;
    if (lost) onFinding('lost');
    if (source.pictures > 1) onFinding('bundle');
    const isPicture = source.pictures === 1 && !source.continues && !lost && this.#nextBytes === 0;
    if (isPicture && this.#current !== undefined) this.#current.sample = sample;
    if (this.#cutting === 'whole' && bitstream.mayEnd && !this.#lacksSlices) this.flush();
    // Units that trail a picture are few and small: their views would keep all of it alive.
    if (source.pictures > 0 && this.#nextBytes > 0) {
      this.#next = this.#next.map((unit) => Buffer.from(unit));
      this.#delimiter = this.#delimiter && Buffer.from(this.#delimiter);
    }
    this.#keepBound();
  }

  /** What has begun is over: nothing more will come of it. */
  flush(): void {
    const picture = this.#current;
    if (picture === undefined) return;
    this.#current = undefined;
    this.#currentBytes = 0;
    const { source, index, sample, units, slices } = picture;
    this.#usualSlices = slices;
    if (this.#cutting === 'pieces' && sample === undefined) this.#options.onFinding('pieces');
    this.#options.onPicture({ message: source.message, index, sample, units });
  }

  /** The rest of a picture would have come by now. */
  settle(): void {
    if (this.#cutting === 'unknown' && this.#current !== undefined) this.#cutting = 'whole';
    this.flush();
  }

  get #lacksSlices(): boolean {
    const fewer = (this.#current?.slices ?? 0) < this.#usualSlices;
    return fewer && this.#options.bitstream.slicesTell && this.#falseAlarms < MAX_FALSE_ALARMS;
  }

  #learn(roles: readonly UnitRole[]): void {
    if (this.#cutting === 'pieces') return;
    const slices = roles.filter(isSlice);
    const lastSlice = roles.findLastIndex(isSlice);
    // What comes behind the last slice is the beginning of another picture, or all there is.
    const trails = roles.slice(lastSlice + 1).some((role) => role !== 'suffix');
    if (slices[0] === 'next-slice' || trails) {
      this.#cutting = 'pieces';
    } else if (slices.length > 0 && this.#current !== undefined) {
      if (this.#cutting === 'whole' && this.#lacksSlices) this.#falseAlarms += 1;
      this.#cutting = 'whole';
    }
  }

  /** @returns whether it was a slice of no picture */
  #take(unit: Buffer, role: UnitRole, source: Source<T>): boolean {
    switch (role) {
      case 'first-slice':
        this.flush();
        this.#begin(unit, source);
        return false;
      case 'next-slice':
      case 'suffix':
        if (this.#current === undefined) return role === 'next-slice';
        // What stood between the slices of a picture is part of it, whatever it is.
        this.#keepWithCurrent();
        if (this.#current.source !== source) source.continues = true;
        this.#current.units.push(unit);
        if (role === 'next-slice') this.#current.slices += 1;
        this.#current.sample = undefined;
        this.#currentBytes += cost(unit);
        return false;
      case 'delimiter':
        if (this.#delimiter !== undefined) return false;
        // Nothing of a picture comes before its delimiter (ITU-T H.264 7.4.1.2.3), but in messages that begin wrongly.
        if (source.continues || source.pictures > 0) this.#keepWithCurrent();
        this.#delimiter = unit;
        this.#nextBytes += cost(unit);
        return false;
      case 'parameter-set':
      case 'prefix':
        this.#next.push(unit);
        this.#nextBytes += cost(unit);
        return false;
    }
  }

  #begin(unit: Buffer, source: Source<T>): void {
    const units = this.#delimiter === undefined ? this.#next : [this.#delimiter, ...this.#next];
    units.push(unit);
    this.#current = { source, index: source.pictures, sample: undefined, units, slices: 1 };
    this.#currentBytes = this.#nextBytes + cost(unit);
    this.#forgetNext();
    source.pictures += 1;
  }

  /** What was taken for the next picture's is the current one's; a delimiter between its units is nobody's. */
  #keepWithCurrent(): void {
    if (this.#current === undefined || this.#nextBytes === 0) return;
    this.#current.units.push(...this.#next);
    this.#currentBytes += this.#nextBytes;
    this.#forgetNext();
  }

  #forgetNext(): void {
    this.#delimiter = undefined;
    this.#next = [];
    this.#nextBytes = 0;
  }

  #keepBound(): void {
    if (this.heldBytes <= this.#maxBytes) return;
    this.#current = undefined;
    this.#currentBytes = 0;
    this.#forgetNext();
    this.#options.onFinding('too-large');
  }
}

function isSlice(role: UnitRole): boolean {
  return role === 'first-slice' || role === 'next-slice';
}

function cost(unit: Buffer): number {
  return UNIT_OVERHEAD + unit.length;
}
