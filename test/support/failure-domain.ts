// A failure domain for units that are tested without their owner. Every failure in it fails the test.
import { FailureDomain } from '../../src/protocols/failure-domain.js';

export function strictDomain(): FailureDomain {
  return new FailureDomain('test', ({ where, cause }) => {
    throw new Error(`internal error at ${where}`, { cause });
  });
}
