// All mutations, each with the test that must fail. A test of the suite checks that each text occurs in its file, so change both together.
import { ACCESS_MUTATIONS } from './access-mutations.js';
import { BUCKET_MUTATIONS } from './bucket-mutations.js';
import { INGEST_MUTATIONS } from './ingest-mutations.js';
import type { Mutation } from './mutation.js';
import { VIEWER_MUTATIONS } from './viewer-mutations.js';
import { WINDOW_MUTATIONS } from './window-mutations.js';
import { WORK_MUTATIONS } from './work-mutations.js';

export const MUTATIONS: readonly Mutation[] = [
  ...ACCESS_MUTATIONS,
  ...INGEST_MUTATIONS,
  ...WINDOW_MUTATIONS,
  ...VIEWER_MUTATIONS,
  ...WORK_MUTATIONS,
  ...BUCKET_MUTATIONS,
];
