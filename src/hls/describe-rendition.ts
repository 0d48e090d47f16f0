// Describes renditions for readers outside HLS: the API, the metrics, and manifests of other formats.
import type { RenditionInfo, RenditionListing, RenditionMedia } from './presentation-options.js';
import type { RenditionSet } from './rendition-set.js';
import type { Rendition } from './window/rendition.js';

/** @param sourceFrameRate used for a video rendition without its own frame rate */
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

/** The media that players may load, for every rendition that is not withdrawn. */
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

/** The media of a rendition that can still be loaded. Segments in the archive are not repeated. */
export function availableMedia({ plan, window, archive }: Rendition): RenditionMedia {
  if (archive !== undefined && archive.count > 0) {
    return { plan, earlier: [...archive.newestFirst()].reverse(), segments: window.listed };
  }
  return { plan, earlier: [], segments: [...window.available()] };
}
