// The watch page: the player, information about the stream, and the ways to share it.

import { readState } from './broadcast.js';
import { createControls } from './controls.js';
import { copyButton, element, icon, setText } from './dom.js';
import { formatBitrate, formatCodec, formatPicture, formatSince, formatViewers } from './format.js';
import { exposeState } from './page-state.js';
import { LivePlayer } from './player.js';
import { serverNow } from './server-clock.js';
import { beginsMuted } from './sound.js';
import { streamAddresses, streamOfThisPage } from './stream-address.js';
import { posterFromThumbnail } from './thumbnail.js';

/** Milliseconds between updates of the information beside the player. */
const REFRESH = 5_000;

const stream = streamOfThisPage();
const find = (selector) => document.querySelector(selector);
const video = find('video');

setText(find('#name'), stream.name);
setText(find('#app'), stream.app);

video.muted = beginsMuted();
const player = new LivePlayer(video, { source: stream.playlist, api: stream.api });
exposeState(player, video);
posterFromThumbnail(player, video, stream);
createControls({ player, video, frame: find('.player'), stream, below: find('#below-player') });

const BADGES = {
  waiting: 'Offline',
  starting: 'Starting',
  playing: 'Live',
  reconnecting: 'Reconnecting',
  ended: 'Ended',
  unsupported: 'Cannot play',
  viewer: 'No network',
  server: 'No answer',
  'token-required': 'No access',
  'token-refused': 'No access',
  'token-expired': 'Link expired',
};
const badge = find('#badge');
const showState = () => {
  const { state, trouble } = player;
  const isQuiet = state === 'playing' && !player.resuming;
  const shown = player.resuming || player.away ? 'reconnecting' : isQuiet ? state : (trouble ?? state);
  badge.dataset.state = shown;
  // The player already shows LIVE, and more precisely.
  badge.classList.toggle('offscreen', shown === 'playing');
  setText(badge, player.away ? 'Away' : BADGES[shown]);
};
for (const type of ['state', 'broadcast', 'trouble']) player.addEventListener(type, showState);
player.addEventListener('state', () => {
  // Do not compete with the first picture for the connection.
  if (player.state !== 'starting') refresh();
});
showState();

// The token of this viewer is personal: nothing that is shared contains it.
find('#share-note').hidden = find('meta[name="sluice:protected"]') === null;
share('#share-link', stream.watch, 'Copy link');
share('#share-playlist', streamAddresses(stream.app, stream.name).playlist, 'Copy');
share(
  '#share-embed',
  `<iframe src="${stream.embed}" title="${stream.name}" width="960" height="540" allow="autoplay; fullscreen; picture-in-picture"></iframe>`,
  'Copy code',
);
// Nobody copies embed code on a phone.
if (matchMedia('(max-width: 640px)').matches) find('.more').open = false;
if (navigator.share !== undefined) {
  const onclick = () => navigator.share({ title: stream.name, url: stream.watch }).catch(() => undefined);
  find('#share-link').parentElement.append(
    element('button', { type: 'button', class: 'button', 'aria-label': 'Share…', onclick }, icon('share')),
  );
}

function share(selector, text, label) {
  const field = find(selector);
  field.value = text;
  field.addEventListener('focus', () => field.select());
  field.after(copyButton(label, () => text));
}

let startedAt;
let timer;

/** Requests the state of this stream only, and only while it exists, because browsers log each 404. */
async function refresh() {
  clearTimeout(timer);
  if (player.state === 'waiting') showFacts(undefined);
  else if (!document.hidden) {
    const facts = await readState(stream.api);
    // If nobody answers, the player shows that, and the information stays as it is.
    if (facts !== undefined) showFacts(facts);
  }
  clearTimeout(timer);
  timer = setTimeout(refresh, REFRESH);
}

function showFacts(facts) {
  startedAt = facts === undefined || facts.state === 'ended' ? undefined : Date.parse(facts.startedAt ?? '');
  setText(find('#viewers'), facts?.viewers === undefined ? '' : formatViewers(facts.viewers));
  showUptime();
  showRecording(facts?.recording);
  const rows = facts === undefined ? [] : describe(facts);
  find('#facts').replaceChildren(
    ...rows.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]),
  );
  find('#facts-panel').hidden = rows.length === 0;
}

/** Leads to the beginning of the stream while it is being recorded. */
function showRecording(id) {
  const link = find('#from-start');
  link.hidden = id === undefined;
  if (id !== undefined) link.href = stream.fromStart(id);
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
  const uptime = formatSince(startedAt, serverNow());
  setText(find('#uptime'), uptime === '' ? '' : `on air ${uptime}`);
}

setInterval(showUptime, 1_000);
refresh();
