// Where the objects of a gateway are in an S3-compatible store, and which URL each has.

export interface BucketPlace {
  /** Scheme, host and port: `https://s3.eu-central-1.amazonaws.com`. */
  readonly endpoint: string;
  readonly bucket: string;
  /** Prefix of all keys, without a slash at either end; may be empty. */
  readonly prefix: string;
  readonly region: string;
  /** Whether the bucket is the first part of the path; otherwise it is the first part of the host name. */
  readonly pathStyle: boolean;
}

export interface BucketKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Session token of temporary keys. */
  readonly sessionToken?: string | undefined;
}

/** Keys consist of these characters only, so that no server or proxy needs to encode them, each in its own way. */
export const KEY_CHARACTERS = /^[0-9A-Za-z_.-]+(\/[0-9A-Za-z_.-]+)*$/;

/** @param path below the prefix */
export function keyOf({ prefix }: Pick<BucketPlace, 'prefix'>, path: string): string {
  return prefix === '' ? path : `${prefix}/${path}`;
}

/** @param key empty for the bucket itself */
export function urlOf({ endpoint, bucket, pathStyle }: BucketPlace, key: string, query = ''): URL {
  const url = new URL(endpoint);
  if (pathStyle) url.pathname = `/${bucket}/${key}`;
  else {
    url.hostname = `${bucket}.${url.hostname}`;
    url.pathname = `/${key}`;
  }
  url.search = query;
  return url;
}

/** Identifies the place in marks and logs. Places with the same name have the same objects. */
export function nameOf({ endpoint, bucket, prefix }: BucketPlace): string {
  return `${endpoint.replace(/\/$/, '')}/${bucket}/${prefix}`;
}
