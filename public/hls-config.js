// How hls.js is asked to play: close to the live edge, patient with a stream that blinks, cheap for who watches in a small window.

const RETRY_SOON = { maxNumRetry: 4, retryDelayMs: 250, maxRetryDelayMs: 2_000, backoff: 'exponential' };

export const HLS_CONFIG = {
  lowLatencyMode: true,
  // Fragmented MP4 passes through untouched, there is nothing to hand to a worker.
  enableWorker: false,
  // Media is asked for before the video element is ready to take it.
  startFragPrefetch: true,
  backBufferLength: 30,
  maxBufferLength: 20,
  liveDurationInfinity: true,
  maxLiveSyncPlaybackRate: 1.25,
  // Seconds of latency that each stall adds; the default of 1 would cost a viewer who came with the first picture a second for good.
  liveSyncOnStallIncrease: 0.3,
  capLevelToPlayerSize: true,
  // Where nothing was measured yet: a guess that starts most viewers on a middle rendition instead of the lowest.
  abrEwmaDefaultEstimate: 2_500_000,
  manifestLoadPolicy: policy(8_000, RETRY_SOON),
  playlistLoadPolicy: policy(12_000, RETRY_SOON),
  fragLoadPolicy: policy(10_000, RETRY_SOON),
};

function policy(maxTimeToFirstByteMs, errorRetry) {
  return {
    default: {
      maxTimeToFirstByteMs,
      maxLoadTimeMs: 20_000,
      timeoutRetry: { maxNumRetry: 2, retryDelayMs: 0, maxRetryDelayMs: 0 },
      errorRetry,
    },
  };
}
