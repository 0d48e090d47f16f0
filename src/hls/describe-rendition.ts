// Renditions as others see them: the API, the metrics, and manifests of another format.
import type { RenditionInfo, RenditionListing } from './presentation-options.js';
import type { RenditionSet } from './rendition-set.js';
import type { Rendition } from './window/rendition.js';

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

/** What players may load of every rendition that is not withdrawn. */
export function listRenditions(
  { active, all }: RenditionSet,
  sourceFrameRate: number | undefined,
): readonly RenditionListing[] {
  return all.flatMap((rendition) => {
    const { plan, bandwidth, withdrawn, window } = rendition;
    if (withdrawn) return [];
    const frameRate = plan.kind === 'video' ? (plan.frameRate ?? sourceFrameRate) : undefined;
    return [{ plan, bandwidth, frameRate, active: active.includes(rendition), segments: window.listed }];
  });
}
