// Decides where menu and statistics appear: over the picture if there is room; below the player on a phone, where they would cover the
// picture.

/** Width of the window; the player of a phone held upright has this width and a height of at most 360 pixels. */
const NARROW = '(max-width: 640px)';

/**
 * @param {{below: HTMLElement | undefined, panels: [HTMLElement, HTMLElement][]}} options
 * `below`: undefined if there is only the player; `panels`: each panel with its parent over the picture
 */
export function placePanels({ below, panels }) {
  const narrow = matchMedia(NARROW);
  const place = () => {
    const isBelow = below !== undefined && narrow.matches && document.fullscreenElement === null;
    for (const [panel, parent] of panels) {
      const holder = isBelow ? below : parent;
      if (panel.parentElement !== holder) holder.prepend(panel);
    }
  };
  narrow.addEventListener('change', place);
  document.addEventListener('fullscreenchange', place);
  place();
}
