// Whether a client has a version already, judged in one place for everything that is sent with a validator.

/** If-None-Match compares weakly, RFC 9110 section 13.1.2: caches weaken the tags of what they compress. */
export function matchesEntityTag(value: string | undefined, entityTag: string): boolean {
  if (value === undefined) return false;
  return value.split(',').some((candidate) => {
    const tag = candidate.trim();
    return tag === '*' || tag === entityTag || tag === `W/${entityTag}`;
  });
}
