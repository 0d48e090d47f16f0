// The metrics of uploads to a bucket.

import type { BucketState } from '../../../contracts/recordings.js';

/** The part of a snapshot that is needed here. */
interface BucketSnapshot {
  readonly gateway: { readonly bucket?: BucketState | undefined };
}

const metric = (kind: 'counter' | 'gauge', name: string, help: string, value: (state: BucketState) => number) => ({
  ...{ kind, name, help, labels: [] },
  read: ({ gateway: { bucket } }: BucketSnapshot) => (bucket ? [{ labels: {}, value: value(bucket) }] : []),
});

export const BUCKET_METRICS = [
  metric('gauge', 'sluice_bucket_failed', '1 while the bucket takes or removes nothing, otherwise 0', ({ reason }) =>
    reason === undefined ? 0 : 1,
  ),
  metric('gauge', 'sluice_bucket_lag_seconds', 'Age of the oldest media that waits for the bucket', ({ lag }) => lag),
  metric('gauge', 'sluice_bucket_pending_bytes', 'Media that waits to be sent', ({ pendingBytes }) => pendingBytes),
  metric(
    'gauge',
    'sluice_bucket_pending_recordings',
    'Recordings incomplete in the bucket',
    ({ pendingRecordings }) => pendingRecordings,
  ),
  metric(
    'counter',
    'sluice_bucket_dropped_segments_total',
    'Live segments listed as gaps in the bucket because they were too late',
    ({ droppedSegments }) => droppedSegments,
  ),
  metric('counter', 'sluice_bucket_requests_total', 'Requests that the bucket carried out', ({ requests }) => requests),
  metric(
    'counter',
    'sluice_bucket_failed_requests_total',
    'Requests to the bucket that failed',
    ({ failedRequests }) => failedRequests,
  ),
  metric('counter', 'sluice_bucket_sent_bytes_total', 'Bytes sent to the bucket', ({ sentBytes }) => sentBytes),
];
