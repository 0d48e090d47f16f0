// Where the objects of a gateway are in an S3-compatible store, and which URL each has.

export interface BucketPlace {
  /** Scheme, host and port: `https://s3.eu-central-1.amazonaws.com`. */
  readonly endpoint: string;
  readonly bucket: string;
  /** What all keys begin with, without a slash at either end; empty for none. */
  readonly prefix: string;
  readonly region: string;
  /** The bucket is the first part of the path; otherwise it is the first part of the host name. */
  readonly pathStyle: boolean;
}

export interface BucketKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary keys. */
  readonly sessionToken?: string | undefined;
}

/** Keys consist of these characters only, so that no server and no proxy has to encode them in a way of its own. */
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

/** Names the place in marks and logs; two places with the same name have the same objects. */
export function nameOf({ endpoint, bucket, prefix }: BucketPlace): string {
  return `${endpoint.replace(/\/$/, '')}/${bucket}/${prefix}`;
}
