// Renders an MPD as text: ISO/IEC 23009-1, elements and attributes in the order of its schema.
import type { Seconds } from '../protocols/units.js';
import type { AdaptationSet, Manifest, Period, Representation, SegmentTemplate, TimelineEntry } from './manifest.js';

const PROFILES = 'urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019';
const CHANNELS = 'urn:mpeg:dash:23003:3:audio_channel_configuration:2011';

type Attributes = Readonly<Record<string, string | number | undefined>>;

/** Pure. */
export function renderManifest(manifest: Manifest): string {
  const { timeUrl } = manifest;
  const timing = timeUrl && element('UTCTiming', { schemeIdUri: 'urn:mpeg:dash:utc:http-iso:2014', value: timeUrl });
  const mpd = element(
    'MPD',
    {
      xmlns: 'urn:mpeg:dash:schema:mpd:2011',
      profiles: PROFILES,
      type: manifest.type,
      availabilityStartTime: '1970-01-01T00:00:00Z',
      publishTime: new Date(manifest.publishTime).toISOString(),
      mediaPresentationDuration: duration(manifest.mediaPresentationDuration),
      minimumUpdatePeriod: duration(manifest.minimumUpdatePeriod),
      minBufferTime: duration(manifest.minBufferTime),
      timeShiftBufferDepth: duration(manifest.timeShiftBufferDepth),
      suggestedPresentationDelay: duration(manifest.suggestedPresentationDelay),
      maxSegmentDuration: duration(manifest.maxSegmentDuration),
    },
    [...manifest.periods.map((period) => renderPeriod(period, manifest.baseUrl)), ...(timing ? [timing] : [])],
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n${mpd.join('\n')}\n`;
}

type Lines = readonly string[];

function renderPeriod({ id, start, adaptationSets }: Period, baseUrl: string): Lines {
  const base = [`<BaseURL>${escapeXml(baseUrl)}</BaseURL>`];
  return element('Period', { id, start: duration(start) }, [base, ...adaptationSets.map(renderAdaptationSet)]);
}

function renderAdaptationSet({ id, contentType, inbandEvents, representations }: AdaptationSet): Lines {
  const attributes = { id, contentType, mimeType: `${contentType}/mp4`, segmentAlignment: 'true', startWithSAP: 1 };
  const role = element('Role', { schemeIdUri: 'urn:mpeg:dash:role:2011', value: 'main' });
  const events = inbandEvents === undefined ? [] : [element('InbandEventStream', { schemeIdUri: inbandEvents })];
  return element('AdaptationSet', attributes, [...events, role, ...representations.map(renderRepresentation)]);
}

function renderRepresentation(representation: Representation): Lines {
  const { id, codecs, bandwidth, width, height, frameRate, audioSamplingRate, channels, template } = representation;
  const rate = frameRate === undefined ? undefined : ratio(frameRate);
  return element('Representation', { id, bandwidth, codecs, width, height, frameRate: rate, audioSamplingRate }, [
    ...(channels === undefined
      ? []
      : [element('AudioChannelConfiguration', { schemeIdUri: CHANNELS, value: channels })]),
    renderTemplate(template),
  ]);
}

function renderTemplate({ timeline, ...attributes }: SegmentTemplate): Lines {
  return element('SegmentTemplate', attributes, [element('SegmentTimeline', {}, renderTimeline(timeline))]);
}

/** Consecutive segments of equal duration are one S element; S@t is omitted if it equals the end of the previous one. */
function renderTimeline(timeline: readonly TimelineEntry[]): Lines[] {
  const runs: { t: number | undefined; readonly d: number; r: number }[] = [];
  let end: number | undefined;
  for (const { time, duration: d } of timeline) {
    const run = runs.at(-1);
    if (run !== undefined && run.d === d && time === end) run.r += 1;
    else runs.push({ t: time === end ? undefined : time, d, r: 0 });
    end = time + d;
  }
  return runs.map(({ t, d, r }) => element('S', { t, d, r: r === 0 ? undefined : r }));
}

/** FrameRateType: a whole number or a ratio of two; measured rates are not exact. */
function ratio(frameRate: number): string {
  const whole = Math.round(frameRate);
  if (Math.abs(whole - frameRate) < 2e-3) return `${whole}`;
  const television = Math.round(frameRate * 1.001);
  if (Math.abs(television / 1.001 - frameRate) < 2e-3) return `${television * 1000}/1001`;
  return `${Math.round(frameRate * 1000)}/1000`;
}

/** xs:duration with microseconds, which is finer than any frame. */
function duration(seconds: Seconds | undefined): string | undefined {
  return seconds === undefined ? undefined : `PT${Number(seconds.toFixed(6))}S`;
}

function element(name: string, attributes: Attributes, children: readonly Lines[] = []): Lines {
  const list = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escapeXml(String(value))}"`)
    .join('');
  if (children.length === 0) return [`<${name}${list}/>`];
  return [`<${name}${list}>`, ...children.flat().map((line) => `  ${line}`), `</${name}>`];
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
