// The icons of the buttons as markup, included in the script so that no button waits for another request.

/** By name, inside a view box of 24 × 24. @type {Readonly<Record<string, string>>} */
export const ICONS = {
  play: '<path d="M8 5.6c0-.9 1-1.5 1.8-1l9.7 6.4c.7.5.7 1.5 0 2l-9.7 6.4c-.8.5-1.8-.1-1.8-1z" fill="currentColor"/>',
  pause:
    '<rect x="6.5" y="5" width="4" height="14" rx="1.2" fill="currentColor"/><rect x="13.5" y="5" width="4" height="14" rx="1.2" fill="currentColor"/>',
  volume:
    '<path d="M4 9.5v5h3.2L12 18.6V5.4L7.2 9.5z" fill="currentColor" stroke="currentColor" stroke-width="1.5" stroke-linejoin="round"/><path d="M15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round"/>',
  muted:
    '<path d="M4 9.5v5h3.2L12 18.6V5.4L7.2 9.5z" fill="currentColor" stroke="currentColor" stroke-width="1.5" stroke-linejoin="round"/><path d="m16 9.5 5 5m0-5-5 5" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round"/>',
  settings:
    '<path d="M4 7h8m4 0h4M4 12h2m4 0h10M4 17h9m4 0h3" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round"/><circle cx="14" cy="7" r="2" fill="none" stroke="currentColor" stroke-width="1.8"/><circle cx="8" cy="12" r="2" fill="none" stroke="currentColor" stroke-width="1.8"/><circle cx="15" cy="17" r="2" fill="none" stroke="currentColor" stroke-width="1.8"/>',
  stats:
    '<path d="M5 19V11m5 8V5m5 14v-6m5 6V8" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"/>',
  fullscreen:
    '<path d="M4.5 9V6A1.5 1.5 0 0 1 6 4.5h3m6 0h3A1.5 1.5 0 0 1 19.5 6v3m0 6v3a1.5 1.5 0 0 1-1.5 1.5h-3m-6 0H6A1.5 1.5 0 0 1 4.5 18v-3" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/>',
  'fullscreen-exit':
    '<path d="M9 4.5V8A1 1 0 0 1 8 9H4.5m15 0H16a1 1 0 0 1-1-1V4.5m0 15V16a1 1 0 0 1 1-1h3.5m-15 0H8a1 1 0 0 1 1 1v3.5" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/>',
  pip: '<rect x="3.5" y="5" width="17" height="14" rx="2" fill="none" stroke="currentColor" stroke-width="1.8"/><rect x="11.5" y="11.5" width="6.5" height="5" rx="1" fill="currentColor"/>',
  copy: '<rect x="8.5" y="8.5" width="11" height="11" rx="2" fill="none" stroke="currentColor" stroke-width="1.8"/><path d="M15.5 8.5v-2a2 2 0 0 0-2-2h-7a2 2 0 0 0-2 2v7a2 2 0 0 0 2 2h2" fill="none" stroke="currentColor" stroke-width="1.8"/>',
  check:
    '<path d="m5.5 12.5 4.2 4.2 8.8-9.2" fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round"/>',
  close: '<path d="m7 7 10 10M17 7 7 17" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"/>',
  signal:
    '<circle cx="12" cy="12" r="2.2" fill="currentColor"/><path d="M8 16a5.6 5.6 0 0 1 0-8m8 0a5.6 5.6 0 0 1 0 8M5.2 18.8a9.6 9.6 0 0 1 0-13.6m13.6 0a9.6 9.6 0 0 1 0 13.6" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round"/>',
  away: '<path d="M13.5 5H19v5.5M19 5l-8 8M17 14v3.5A1.5 1.5 0 0 1 15.5 19h-9A1.5 1.5 0 0 1 5 17.5v-9A1.5 1.5 0 0 1 6.5 7H10" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/>',
  sound:
    '<path d="M4 10v4m4-7v10m4-13v16m4-12v8m4-5v2" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"/>',
  share:
    '<path d="M12 15V4m0 0L8 8m4-4 4 4M5 13v5a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2v-5" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/>',
  lock: '<rect x="5.5" y="10.5" width="13" height="9.5" rx="2" fill="currentColor"/><path d="M8.5 10.5V8a3.5 3.5 0 0 1 7 0v2.5" fill="none" stroke="currentColor" stroke-width="1.8"/>',
  warning:
    '<path d="M12 8v5m0 3.2v.1M10.6 4.2 3.2 17.4A1.6 1.6 0 0 0 4.600 19.800h14.800a1.600 1.600 0 0 0 1.400-2.400L13.400 4.200a1.600 1.600 0 0 0-2.800 0z" fill="none" stroke="currentColor" stroke-width="1.800" stroke-linecap="round" stroke-linejoin="round"/>',
};
