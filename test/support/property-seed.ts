// Properties try the same inputs in every run, so that a run fails because of a change and not by chance. `PROPERTY_SEED=random` tries
// others, and a number repeats what a failed run printed.

import fc from 'fast-check';

const { PROPERTY_SEED = '20261128' } = process.env;

if (PROPERTY_SEED !== 'random') fc.configureGlobal({ seed: Number(PROPERTY_SEED) });
