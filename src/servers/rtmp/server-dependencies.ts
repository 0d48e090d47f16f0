// What the RTMP server needs from the rest of the gateway, and where it listens.

import type { PlayAccess, PublishAccess } from '../../contracts/access.js';
import type { CertificateSource } from '../../contracts/certificate.js';
import type { Logger } from '../../contracts/logger.js';
import type { PlayAdmission } from './playing.js';
import type { PublishAdmission, PublishObserver } from './publishing.js';

export interface RtmpServerDependencies {
  readonly access: PublishAccess;
  readonly admission: PublishAdmission;
  readonly observer?: PublishObserver;
  /** If it is missing, nobody can watch over RTMP. */
  readonly play?: { readonly access: PlayAccess; readonly admission: PlayAdmission };
  /** If it is present, the server also listens for RTMPS. */
  readonly certificate?: CertificateSource;
  readonly logger: Logger;
}

export interface RtmpAddress {
  readonly host: string;
  /** The actual port. */
  readonly port: number;
}
