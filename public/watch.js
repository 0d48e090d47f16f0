// The watch page: the player, what is known about the stream, and the ways to share it.

import { createControls } from './controls.js';
import { copyButton, element, setText } from './dom.js';
import { formatBitrate, formatCodec, formatPicture, formatSince, formatViewers } from './format.js';
import { exposeState } from './page-state.js';
import { LivePlayer } from './player.js';
import { streamOfThisPage } from './stream-address.js';
import { posterFromThumbnail } from './thumbnail.js';

/** Milliseconds between looks at the facts beside the player. */
const REFRESH = 5_000;

const stream = streamOfThisPage();
const find = (selector) => document.querySelector(selector);
const video = find('video');

document.title = `${stream.name} – Sluice`;
setText(find('#name'), stream.name);
setText(find('#app'), stream.app);

video.muted = true;
const player = new LivePlayer(video, { source: stream.playlist, api: stream.api });
exposeState(player, video);
posterFromThumbnail(player, video, stream);
createControls({ player, video, frame: find('.player'), title: stream.name });

const BADGES = {
  waiting: 'Offline',
  starting: 'Starting',
  playing: 'Live',
  reconnecting: 'Reconnecting',
  ended: 'Ended',
  unsupported: 'Unsupported',
};
const badge = find('#badge');
const showState = () => {
  const shown = player.resuming ? 'reconnecting' : player.state;
  badge.dataset.state = shown;
  setText(badge, BADGES[shown]);
};
player.addEventListener('state', showState);
player.addEventListener('broadcast', showState);
player.addEventListener('state', () => refresh());
showState();

share('#share-link', stream.watch, 'Copy link');
share('#share-playlist', stream.playlist, 'Copy');
share(
  '#share-embed',
  `<iframe src="${stream.embed}" width="960" height="540" allow="autoplay; fullscreen; picture-in-picture" allowfullscreen></iframe>`,
  'Copy code',
);

function share(selector, text, label) {
  const field = find(selector);
  field.value = text;
  field.addEventListener('focus', () => field.select());
  field.after(copyButton(label, () => text));
}

let startedAt;
let timer;

async function refresh() {
  clearTimeout(timer);
  try {
    const response = await fetch('api/v1/streams', { cache: 'no-store' });
    const { streams } = await response.json();
    showFacts(streams.find(({ app, name }) => app === stream.app && name === stream.name));
  } catch {
    // The player says when the gateway cannot be reached; the facts stay as they were.
  }
  timer = setTimeout(refresh, REFRESH);
}

function showFacts(facts) {
  startedAt = facts === undefined || facts.state === 'ended' ? undefined : Date.parse(facts.startedAt ?? '');
  setText(find('#viewers'), facts?.viewers === undefined ? '' : formatViewers(facts.viewers));
  showUptime();
  const rows = facts === undefined ? [] : describe(facts);
  find('#facts').replaceChildren(
    ...rows.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]),
  );
  find('#facts-panel').hidden = rows.length === 0;
}

function describe({ source, renditions, ingest }) {
  const rows = [];
  const video = source?.video;
  if (video !== undefined) {
    const size = video.width === undefined ? '' : `${video.width} × ${video.height}`;
    const rate = video.frameRate === undefined ? '' : `${Number(video.frameRate.toFixed(2))} fps`;
    rows.push(['Video', [formatCodec(video.codec), size, rate].filter(Boolean).join(' · ')]);
  }
  const audio = source?.audio;
  if (audio !== undefined) {
    const rate = audio.sampleRate === undefined ? '' : `${audio.sampleRate / 1000} kHz`;
    const channels = { 1: 'mono', 2: 'stereo', 6: '5.1' }[audio.channels] ?? '';
    rows.push(['Audio', [formatCodec(audio.codec), rate, channels].filter(Boolean).join(' · ')]);
  }
  if (ingest?.bitrate !== undefined) rows.push(['Ingest', formatBitrate(ingest.bitrate)]);
  const pictures = renditions.filter(({ height }) => height !== undefined);
  if (pictures.length > 0) rows.push(['Renditions', pictures.map(formatPicture).join(', ')]);
  return rows;
}

function showUptime() {
  const uptime = formatSince(startedAt, Date.now());
  setText(find('#uptime'), uptime === '' ? '' : `on air ${uptime}`);
}

setInterval(showUptime, 1_000);
refresh();
