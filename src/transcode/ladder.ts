// Turns the configured ladder and the real source into the renditions to make: never above the source, always even.
import type { SourceDescription } from './describe-source.js';
import type { RenditionSpec } from './rendition-spec.js';

/** @throws transcode.ladder-invalid for an unknown name; transcode.ladder-empty when nothing fits. */
export declare function fitLadder(ladder: readonly string[], source: SourceDescription): RenditionSpec[];
