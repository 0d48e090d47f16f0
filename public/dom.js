// Builds elements from data with text nodes only, so that a name can never become markup.

import { ICONS } from './icons.js';

/**
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes] attributes such as `class` and `aria-…`; functions under `on…` become listeners
 * @param {...(Node|string|undefined|false)} children strings become text
 */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function') node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : String(value));
  }
  node.append(...children.filter((child) => child !== undefined && child !== false));
  return node;
}

const SVG = 'http://www.w3.org/2000/svg';

/** An icon from icons.js; decoration only, because the button around it has the label. */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  setIcon(svg, name);
  return svg;
}

/** @param {Element} svg made by `icon` */
export function setIcon(svg, name) {
  if (svg.dataset.icon === name) return;
  svg.dataset.icon = name;
  svg.innerHTML = ICONS[name];
}

/** Sets text only if it changes, so that screen readers and selections are not disturbed. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A button that copies the result of `text()` and confirms it. */
export function copyButton(label, text) {
  const caption = element('span', {}, label);
  const button = element('button', { type: 'button', class: 'button copy' }, icon('copy'), caption);
  let restore;
  button.addEventListener('click', async () => {
    const copied = await copy(text());
    caption.textContent = copied ? 'Copied' : 'Press Ctrl+C';
    button.classList.toggle('done', copied);
    clearTimeout(restore);
    restore = setTimeout(() => {
      caption.textContent = label;
      button.classList.remove('done');
    }, 1_800);
  });
  return button;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** Fallback for pages on plain HTTP, which have no clipboard API. */
function copyBySelection(text) {
  const area = element('textarea', { class: 'offscreen', readonly: true, 'aria-hidden': 'true', tabindex: '-1' });
  area.value = text;
  document.body.append(area);
  const focused = document.activeElement;
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return copied;
}
