// The configuration of hls.js: close to the live edge, tolerant of short interruptions, economical for small windows.

const RETRY_SOON = { maxNumRetry: 4, retryDelayMs: 250, maxRetryDelayMs: 2_000, backoff: 'exponential' };

export const HLS_CONFIG = {
  lowLatencyMode: true,
  // Fragmented MP4 passes unchanged, so a worker has nothing to do.
  enableWorker: false,
  // Request media before the video element can take it.
  startFragPrefetch: true,
  backBufferLength: 30,
  maxBufferLength: 20,
  liveDurationInfinity: true,
  maxLiveSyncPlaybackRate: 1.25,
  // Seconds of latency that each stall adds. With the default of 1, a viewer who came with the first picture would lose a second for good.
  liveSyncOnStallIncrease: 0.3,
  capLevelToPlayerSize: true,
  // An estimate before the first measurement, with which most viewers start at a middle rendition instead of the lowest.
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
