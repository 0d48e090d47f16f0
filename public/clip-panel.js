// Cuts a clip out of the recording that is shown: marks its beginning and end, gives it a name, and leads to it.

import { element, setText } from './dom.js';
import { formatDuration } from './format.js';

/**
 * @param {object} page
 * @param {HTMLVideoElement} page.video
 * @param {string} page.id of the recording
 * @param {(path: string) => string} page.address of a path of this server, with the viewer's token
 */
export function clipPanel({ video, id, address }) {
  const find = (selector) => document.querySelector(selector);
  const marks = { from: undefined, to: undefined };
  const say = (...content) => find('#clip-result').replaceChildren(...content);

  const show = () => {
    for (const [name, at] of Object.entries(marks)) setText(find(`#clip-${name}`), at === undefined ? '–' : clock(at));
    const { from, to } = marks;
    const isWhole = from !== undefined && to !== undefined;
    setText(find('#clip-length'), isWhole && to > from ? formatDuration(to - from) : '–');
    find('#make-clip').disabled = !isWhole || to <= from;
    if (isWhole && to <= from) say('The end must come after the beginning.');
    else say();
  };
  const mark = (name) => {
    marks[name] = video.currentTime;
    show();
  };

  async function make() {
    const button = find('#make-clip');
    button.disabled = true;
    say('Cutting…');
    try {
      const title = find('#clip-title').value.trim();
      const response = await fetch(address(`api/v1/recordings/${id}/clips`), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...marks, ...(title !== '' && { title }) }),
      });
      const answer = await response.json();
      if (!response.ok) say(`The clip was not made: ${answer.message}.`);
      else {
        say(
          element('a', { class: 'button', href: address(`recordings/${answer.id}`) }, 'Watch the clip'),
          ' ',
          element('a', { class: 'button', href: address(`vod/${answer.id}.mp4`), download: true }, 'Download it (MP4)'),
        );
      }
    } catch {
      say('The gateway does not answer. Try again.');
    }
    button.disabled = false;
  }

  find('#mark-in').addEventListener('click', () => mark('from'));
  find('#mark-out').addEventListener('click', () => mark('to'));
  find('#clip-form').addEventListener('submit', (event) => {
    event.preventDefault();
    if (!find('#make-clip').disabled) make();
  });
  return {
    show: () => (find('#clip-panel').hidden = false),
    isShown: () => !find('#clip-panel').hidden,
    mark,
  };
}

/** Minutes, seconds and tenths. */
function clock(seconds) {
  const tenths = Math.floor(seconds * 10);
  const pad = (value) => String(value).padStart(2, '0');
  return `${Math.floor(tenths / 600)}:${pad(Math.floor(tenths / 10) % 60)}.${tenths % 10}`;
}
