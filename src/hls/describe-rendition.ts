// One rendition as the API and the metrics show it.
import type { RenditionInfo } from './presentation-options.js';
import type { Rendition } from './rendition.js';

/** @param sourceFrameRate for a video rendition that does not say its own */
export function describeRendition(rendition: Rendition, sourceFrameRate: number | undefined): RenditionInfo {
  const { plan, track, bandwidth, segments, parts } = rendition;
  return {
    name: plan.name,
    kind: plan.kind,
    codecs: track?.codecs,
    width: track?.width ?? plan.width,
    height: track?.height ?? plan.height,
    frameRate: plan.kind === 'video' ? (plan.frameRate ?? sourceFrameRate) : undefined,
    peakBandwidth: bandwidth.peak,
    averageBandwidth: bandwidth.average,
    segments,
    parts,
  };
}
