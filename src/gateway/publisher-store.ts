// Keys and users of the state directory, for the management API.

import { addKey, removeUser, revokeKey, rotateKey } from '../access/publishers/change-publishers.js';
import { parsePublishers, publisherFile } from '../access/publishers/publisher-file.js';
import { readStateFile } from '../access/state-file.js';
import type { PublisherStore } from '../servers/admin/dependencies.js';

export function publisherStore(stateDir: string): PublisherStore {
  const file = publisherFile(stateDir);
  return {
    list: async () => parsePublishers(file, (await readStateFile(file))?.text),
    addKey: (scope, expiresAt) => addKey(stateDir, scope, expiresAt),
    rotateKey: (id, grace) => rotateKey(stateDir, id, grace),
    revokeKey: (id, keepRunning) => revokeKey(stateDir, id, keepRunning),
    removeUser: (user) => removeUser(stateDir, user),
  };
}
