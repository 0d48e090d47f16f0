// The page of a recording: a player with the browser's own controls, the time of day of what is shown, links and downloads.

import { clipPanel } from './clip-panel.js';
import { copyButton, element, setText } from './dom.js';
import { formatDate, formatDuration } from './format.js';
import { HLS_CONFIG } from './hls-config.js';
import { askServer } from './server-clock.js';
import { takeToken } from './stream-address.js';
import { Hls } from './vendor/hls.mjs';

/** Milliseconds between checks of a recording in progress. */
const REFRESH = 10_000;
const SPEEDS = [0.5, 1, 1.5, 2];
const SKIP = 10;

const id = location.pathname.split('/').at(-1) ?? '';
const asked = new URLSearchParams(location.search);
const token = takeToken();
const find = (selector) => document.querySelector(selector);
const video = find('#video');
const address = (path) => {
  const url = new URL(path, document.baseURI);
  if (token !== undefined) url.searchParams.set('token', token);
  return url.href;
};
const playlist = address(`vod/${id}/index.m3u8`);

/** @type {Hls | undefined} Undefined where the browser plays HLS by itself. */
let hls;
let recording;

const clips = clipPanel({ video, id, address });

const say = (text) => {
  find('#notice').hidden = text === '';
  setText(find('#notice'), text);
};

function play() {
  // A clip begins at a picture of its first segment, everything else at its beginning.
  const start = Number(asked.get('t') ?? recording?.clip?.skip) || 0;
  if (Hls.isSupported()) {
    hls = new Hls({ ...HLS_CONFIG, lowLatencyMode: false, startPosition: start, maxBufferLength: 30 });
    hls.on(Hls.Events.ERROR, (_event, { fatal, response }) => {
      if (!fatal) return;
      const refused = response?.code === 401 || response?.code === 403;
      say(
        refused
          ? 'Only those who have a link can watch this recording.'
          : 'The recording cannot be played at the moment.',
      );
    });
    hls.loadSource(playlist);
    hls.attachMedia(video);
  } else {
    video.src = playlist;
    if (start > 0) video.addEventListener('loadedmetadata', () => (video.currentTime = start), { once: true });
  }
}

/** Media time → date, by EXT-X-PROGRAM-DATE-TIME: a gap in the recording is a gap in its clock. */
function dateShown() {
  const date =
    hls === undefined ? video.getStartDate?.().getTime() + video.currentTime * 1000 : hls.playingDate?.getTime();
  return date === undefined || Number.isNaN(date) ? undefined : new Date(date);
}

function showMoment() {
  const date = dateShown();
  setText(
    find('#clock'),
    date === undefined ? '–' : date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' }),
  );
  const link = new URL(`recordings/${id}`, document.baseURI);
  const at = Math.floor(video.currentTime);
  if (at > 0) link.searchParams.set('t', String(at));
  find('#share').value = link.href;
}

async function showFacts() {
  try {
    const response = await askServer(`api/v1/recordings/${id}`, { cache: 'no-store' });
    if (response.status === 404) return say('This recording does not exist any more.');
    if (!response.ok) throw new Error(`status ${response.status}`);
    recording = await response.json();
  } catch {
    if (recording === undefined) say('The gateway does not answer. Load the page again.');
    // It may answer again. Until then the facts that are shown stay.
    else setTimeout(showFacts, REFRESH);
    return;
  }
  const { app, name, title, start, duration, state, renditions } = recording;
  const isOpen = state === 'recording' || state === 'paused';
  setText(find('#title'), title ?? name);
  setText(find('#stream'), `${app}/${name}`);
  setText(find('#date'), formatDate(start));
  setText(find('#duration'), formatDuration(duration));
  document.title = `${title ?? name} – Sluice`;
  const badge = find('#badge');
  badge.hidden = !isOpen;
  badge.dataset.state = state === 'paused' ? 'reconnecting' : 'playing';
  setText(badge, state === 'paused' ? 'Paused' : 'Recording');
  find('#downloads').replaceChildren(
    ...(isOpen ? ['The file can be downloaded when the recording is finished.'] : downloads(renditions)),
  );
  find('#playlist').value = playlist;
  if (recording.mayClip) clips.show();
  document.body.classList.toggle('clips', recording.mayClip === true);
  if (isOpen) setTimeout(showFacts, REFRESH);
}

function downloads(renditions) {
  return renditions.flatMap((rendition) => {
    const label = rendition === 'audio' ? 'Sound only' : rendition === 'source' ? 'Original' : rendition;
    const href = address(`vod/${id}.mp4?rendition=${encodeURIComponent(rendition)}`);
    return [element('a', { class: 'button', href, download: true }, `${label} (MP4)`), ' '];
  });
}

const speeds = SPEEDS.map((speed) =>
  element('button', { type: 'button', class: 'button', onclick: () => (video.playbackRate = speed) }, `${speed}×`),
);
find('#speeds').append(...speeds);
const showSpeed = () => {
  for (const [index, button] of speeds.entries())
    button.setAttribute('aria-pressed', String(SPEEDS[index] === video.playbackRate));
};
video.addEventListener('ratechange', showSpeed);
showSpeed();

const step = (by) => {
  const index = SPEEDS.indexOf(video.playbackRate) + by;
  if (SPEEDS[index] !== undefined) video.playbackRate = SPEEDS[index];
};
const KEYS = {
  k: () => (video.paused ? video.play() : video.pause()),
  i: () => clips.isShown() && clips.mark('from'),
  o: () => clips.isShown() && clips.mark('to'),
  m: () => (video.muted = !video.muted),
  f: () => (document.fullscreenElement ? document.exitFullscreen() : video.requestFullscreen()),
  ',': () => step(-1),
  '.': () => step(1),
  ArrowLeft: () => (video.currentTime -= SKIP),
  ArrowRight: () => (video.currentTime += SKIP),
};
document.addEventListener('keydown', (event) => {
  const { key, target, ctrlKey, metaKey, altKey } = event;
  // The browser's controls have keys of their own.
  if (ctrlKey || metaKey || altKey || target === video || target instanceof HTMLInputElement) return;
  if (KEYS[key] === undefined) return;
  event.preventDefault();
  KEYS[key]();
});

for (const type of ['timeupdate', 'seeked', 'loadedmetadata']) video.addEventListener(type, showMoment);
find('#share').after(copyButton('Copy', () => find('#share').value));
find('#playlist').after(copyButton('Copy', () => find('#playlist').value));
showMoment();
showFacts().then(play);
