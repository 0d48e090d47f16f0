// The list of recordings, page by page.

import { element, icon, setText } from './dom.js';
import { formatBytes, formatDate, formatDuration } from './format.js';
import { hueOf } from './hue.js';
import { askServer } from './server-clock.js';

const find = (selector) => document.querySelector(selector);
const list = find('#recordings');
const more = find('#more');

const STATES = { recording: ['playing', 'Recording'], paused: ['reconnecting', 'Paused'] };

let cursor;

async function load() {
  more.disabled = true;
  try {
    const query = cursor === undefined ? '' : `&cursor=${cursor}`;
    const response = await askServer(`api/v1/recordings?limit=50${query}`, { cache: 'no-store' });
    if (!response.ok) throw new Error(`status ${response.status}`);
    show(await response.json());
    find('#notice').hidden = true;
  } catch {
    find('#notice').hidden = false;
  }
  more.disabled = false;
  document.body.dataset.loaded = 'true';
}

function show({ recordings, cursor: next, count, bytes }) {
  list.append(...recordings.map(row));
  cursor = next;
  more.hidden = next === undefined;
  list.hidden = count === 0;
  find('#empty').hidden = count > 0;
  setText(
    find('#summary'),
    count === 0 ? '' : `${count === 1 ? '1 recording' : `${count} recordings`}, ${formatBytes(bytes)}`,
  );
}

function row({ id, app, name, title, state, start, duration, bytes, pinned }) {
  const [badge, label] = STATES[state] ?? [];
  const art = element('span', { class: 'row-art', 'aria-hidden': 'true' }, icon('play'));
  art.style.setProperty('--hue', String(hueOf(`${app}/${name}`)));
  const facts = [
    formatDate(start),
    formatDuration(duration),
    formatBytes(bytes),
    title === undefined ? app : `${app}/${name}`,
  ];
  return element(
    'li',
    { class: 'row' },
    art,
    element(
      'div',
      { class: 'row-body' },
      element('h2', {}, element('a', { class: 'card-link', href: `recordings/${id}` }, title ?? name)),
      element('p', { class: 'card-facts' }, ...facts.map((fact) => element('span', {}, fact))),
    ),
    badge !== undefined && element('span', { class: 'badge', 'data-state': badge }, label),
    pinned && element('span', { class: 'chip still' }, 'Pinned'),
  );
}

more.addEventListener('click', load);
load();
