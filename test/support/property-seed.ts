// Properties try the same inputs in every run, so that a run fails because of a change and not by chance. `PROPERTY_SEED=random` tries other inputs,
// and a number repeats the run that printed it.

import fc from 'fast-check';

const { PROPERTY_SEED = '20261128' } = process.env;

if (PROPERTY_SEED !== 'random') fc.configureGlobal({ seed: Number(PROPERTY_SEED) });
