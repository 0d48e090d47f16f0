// Assembles one sample per picture (access unit), however the encoder split it: NAL units, slices and parameter sets may come in messages
// of their own.
import type { Bitstream, SplitMessage, UnitRole } from './bitstream.js';

/** FLV 10.1 E.4.1: a tag size has 24 bits, so a larger picture could not be passed on. */
const MAX_PICTURE_BYTES = 0xff_ff_ff;
/** Bytes charged for a unit in addition to its own: its view object, and its length field in the sample. */
const UNIT_OVERHEAD = 128;
/**
 * A picture with fewer slices than the previous one is held, because the missing ones may come in the next message. After this many such
 * pictures that were complete after all, the number of slices is ignored.
 */
const MAX_COMPLETE_WITH_FEWER = 3;

export interface Picture<T> {
  /** The message with the first slice; its times are the times of the picture. */
  readonly message: T;
  /** Number of pictures that began in that message before this one; if not 0, the time of this one is an estimate. */
  readonly index: number;
  /** The sample, if it came complete in one message; undefined if it must be joined from `units`. */
  readonly sample: Buffer | undefined;
  /** Views of the messages, in decoding order; at least one is a slice. */
  readonly units: readonly Buffer[];
  /** Whether parameter sets are among the units. */
  readonly hasParameterSets: boolean;
}

/** Peculiarities of messages; each is reported every time. */
export type AssemblyFinding =
  /** A picture was assembled from several messages. */
  | 'pieces'
  /** A message held several pictures. */
  | 'bundle'
  /** Slices came whose picture had already been emitted, or had never begun. */
  | 'lost'
  /** Held units exceeded the maximum size of a picture. */
  | 'too-large';

export interface AccessUnitsOptions<T> {
  readonly bitstream: Bitstream;
  readonly onPicture: (picture: Picture<T>) => void;
  readonly onFinding: (finding: AssemblyFinding) => void;
  /** Maximum number of bytes that may be held for an incomplete picture. */
  readonly maxBytes?: number;
}

/** A message that is being split. */
interface Source<T> {
  readonly message: T;
  /** Number of pictures that began in it. */
  pictures: number;
  /** Whether part of it continued a picture begun in an earlier message. */
  continues: boolean;
}

interface Collected<T> {
  readonly source: Source<T>;
  readonly index: number;
  sample: Buffer | undefined;
  readonly units: Buffer[];
  hasParameterSets: boolean;
  slices: number;
}

/**
 * How an encoder divides pictures among messages, as far as is known:
 * - `unknown`: the first picture waits for the next message, which shows whether the picture was complete.
 * - `whole`: a picture is complete at the end of its message and is emitted at once, unless it has fewer slices than the previous one.
 * - `pieces`: a picture ends where the next begins. This state is kept once an encoder has split a picture.
 */
type Assembly = 'unknown' | 'whole' | 'pieces';

export class AccessUnits<T> {
  readonly #options: AccessUnitsOptions<T>;
  readonly #maxBytes: number;
  #assembly: Assembly = 'unknown';
  /** A picture that has begun and may continue. */
  #current: Collected<T> | undefined;
  /** Units before the first slice of the next picture. The delimiter is kept apart, because it must come first. */
  #delimiter: Buffer | undefined;
  #next: Buffer[] = [];
  #nextHasParameterSets = false;
  #currentBytes = 0;
  #nextBytes = 0;
  /** Number of slices of the picture that was emitted last. */
  #previousSlices = 0;
  /** Number of pictures that were complete with fewer slices than the previous one. */
  #completeWithFewer = 0;

  constructor(options: AccessUnitsOptions<T>) {
    this.#options = options;
    this.#maxBytes = options.maxBytes ?? MAX_PICTURE_BYTES;
  }

  /** Bytes held for an incomplete picture. Their views keep at most one more message in memory. */
  get heldBytes(): number {
    return this.#currentBytes + this.#nextBytes;
  }

  /** Whether a picture is held until the next message. */
  get holdsPicture(): boolean {
    return this.#current !== undefined;
  }

  /** Takes a message, in order of arrival. Emits the pictures that it completes before this returns. */
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
    if (this.#assembly === 'whole' && bitstream.mayEnd && !this.#lacksSlices) this.flush();
    // Units after the last slice are few and small. They are copied, because views would keep the whole message in memory.
    if (source.pictures > 0 && this.#nextBytes > 0) {
      this.#next = this.#next.map((unit) => Buffer.from(unit));
      this.#delimiter = this.#delimiter && Buffer.from(this.#delimiter);
    }
    this.#keepBound();
  }

  /** Emits the held picture, because the next one begins, or the stream ends or changes its parameters. */
  flush(): void {
    const picture = this.#current;
    if (picture === undefined) return;
    this.#current = undefined;
    this.#currentBytes = 0;
    const { source, index, sample, units, hasParameterSets, slices } = picture;
    this.#previousSlices = slices;
    if (this.#assembly === 'pieces' && sample === undefined) this.#options.onFinding('pieces');
    this.#options.onPicture({ message: source.message, index, sample, units, hasParameterSets });
  }

  /**
   * Emits the held picture, because no video has come for so long that it must be complete. Unlike `flush`, this leads to state `whole` if
   * the state was `unknown`.
   */
  settle(): void {
    if (this.#assembly === 'unknown' && this.#current !== undefined) this.#assembly = 'whole';
    this.flush();
  }

  get #lacksSlices(): boolean {
    const fewer = (this.#current?.slices ?? 0) < this.#previousSlices;
    return fewer && this.#options.bitstream.sliceCountIsStable && this.#completeWithFewer < MAX_COMPLETE_WITH_FEWER;
  }

  /**
   * A message proves `pieces` if it begins with a later slice of a picture, if units of the next picture follow its last slice, or if it
   * has no slice at all (one NAL unit per message). From then on only the first slice of the next picture ends a picture.
   */
  #learn(roles: readonly UnitRole[]): void {
    if (this.#assembly === 'pieces') return;
    const slices = roles.filter(isSlice);
    const lastSlice = roles.findLastIndex(isSlice);
    const endsWithNext = roles.slice(lastSlice + 1).some((role) => role !== 'suffix');
    if (slices[0] === 'next-slice' || endsWithNext) {
      this.#assembly = 'pieces';
    } else if (slices.length > 0 && this.#current !== undefined) {
      if (this.#assembly === 'whole' && this.#lacksSlices) this.#completeWithFewer += 1;
      this.#assembly = 'whole';
    }
  }

  /** @returns true if the unit was a slice without a picture */
  #take(unit: Buffer, role: UnitRole, source: Source<T>): boolean {
    switch (role) {
      case 'first-slice':
        this.flush();
        this.#begin(unit, source);
        return false;
      case 'next-slice':
      case 'suffix':
        if (this.#current === undefined) return role === 'next-slice';
        // Units between the slices of a picture belong to it, whatever they are.
        this.#keepWithCurrent();
        if (this.#current.source !== source) source.continues = true;
        this.#current.units.push(unit);
        if (role === 'next-slice') this.#current.slices += 1;
        this.#current.sample = undefined;
        this.#currentBytes += cost(unit);
        return false;
      case 'delimiter':
        if (this.#delimiter !== undefined) return false;
        // A delimiter precedes all other units of its picture (ITU-T H.264 7.4.1.2.3), unless the message is malformed.
        if (source.continues || source.pictures > 0) this.#keepWithCurrent();
        this.#delimiter = unit;
        this.#nextBytes += cost(unit);
        return false;
      case 'parameter-set':
      case 'prefix':
        this.#next.push(unit);
        if (role === 'parameter-set') this.#nextHasParameterSets = true;
        this.#nextBytes += cost(unit);
        return false;
    }
  }

  #begin(unit: Buffer, source: Source<T>): void {
    const units = this.#delimiter === undefined ? this.#next : [this.#delimiter, ...this.#next];
    units.push(unit);
    const hasParameterSets = this.#nextHasParameterSets;
    this.#current = { source, index: source.pictures, sample: undefined, units, hasParameterSets, slices: 1 };
    this.#currentBytes = this.#nextBytes + cost(unit);
    this.#forgetNext();
    source.pictures += 1;
  }

  /** Call when units that were held for the next picture turn out to belong to the current one. A delimiter among them is dropped. */
  #keepWithCurrent(): void {
    if (this.#current === undefined || this.#nextBytes === 0) return;
    this.#current.units.push(...this.#next);
    this.#current.hasParameterSets ||= this.#nextHasParameterSets;
    this.#currentBytes += this.#nextBytes;
    this.#forgetNext();
  }

  #forgetNext(): void {
    this.#delimiter = undefined;
    this.#next = [];
    this.#nextHasParameterSets = false;
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
