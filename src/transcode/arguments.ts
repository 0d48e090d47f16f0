// The whole FFmpeg command line of a stream as a pure function of its plan, so that a golden file can show it to a reviewer.
import type { TranscodePlan } from './rendition-spec.js';

/**
 * FLV comes in on fd 0; rendition `i` goes out on fd `3 + i`, progress on fd `3 + renditions.length`.
 * Needs nothing but the plan: no path, no name of a stream, no key is ever an argument.
 */
export declare function buildFfmpegArguments(plan: TranscodePlan): string[];
