// Returns closer to live when the connection has been without a stall for a while. After a stall, hls.js keeps further behind
// after each stall by itself, but stays there until the page is loaded again.

/** Milliseconds without a stall after which the additional distance is halved. */
const CALM = 60_000;

/** Share of a step that is too little to matter. */
const LEAST_SHARE = 0.05;

/** @param {import('hls.js').default} hls catches up by playing faster. @param {number} [calm] milliseconds */
export function comeBack(hls, calm = CALM) {
  const { Events, ErrorDetails } = hls.constructor;
  // The distance is the number of stalls times this: after the next stall all of it is needed again.
  const step = hls.config.liveSyncOnStallIncrease;
  let timer;
  const wait = () => {
    timer = setTimeout(() => {
      const share = hls.config.liveSyncOnStallIncrease / step / 2;
      hls.config.liveSyncOnStallIncrease = share < LEAST_SHARE ? 0 : share * step;
      if (share >= LEAST_SHARE) wait();
    }, calm);
  };
  hls.on(Events.ERROR, (_event, { details }) => {
    if (details !== ErrorDetails.BUFFER_STALLED_ERROR) return;
    clearTimeout(timer);
    hls.config.liveSyncOnStallIncrease = step;
    wait();
  });
  hls.once(Events.DESTROYING, () => clearTimeout(timer));
}
