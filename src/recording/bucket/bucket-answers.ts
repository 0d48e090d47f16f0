// Parses the few XML answers of S3 that are needed: an error, a page of a list, and the failures of a removal. Elements are found by name, in any
// order; others are ignored. Keys in lists are percent-encoded (`encoding-type=url`).

export interface ListedObject {
  readonly key: string;
  readonly size: number;
}

export interface ListPage {
  readonly objects: readonly ListedObject[];
  /** Undefined on the last page. */
  readonly next: string | undefined;
}

/** Text of the first element of this name; undefined if there is none. */
export function readXmlText(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return text === undefined ? undefined : decodeEntities(text);
}

export function readListPage(xml: string): ListPage | undefined {
  if (!/<ListBucketResult[\s>]/.test(xml)) return undefined;
  const objects: ListedObject[] = [];
  for (const [, content = ''] of xml.matchAll(/<Contents>([\s\S]*?)<\/Contents>/g)) {
    const key = readXmlText(content, 'Key');
    const size = Number(readXmlText(content, 'Size'));
    if (key === undefined || !Number.isSafeInteger(size)) return undefined;
    objects.push({ key: decodeKey(key), size });
  }
  const isTruncated = readXmlText(xml, 'IsTruncated') === 'true';
  return { objects, next: isTruncated ? readXmlText(xml, 'NextContinuationToken') : undefined };
}

/** @returns the error codes of keys that could not be removed */
export function readRemovalFailures(xml: string): readonly string[] {
  const codes = [...xml.matchAll(/<Error>([\s\S]*?)<\/Error>/g)].map(([, content = '']) =>
    readXmlText(content, 'Code'),
  );
  return codes.map((code) => code ?? 'Unknown').filter((code) => code !== 'NoSuchKey');
}

export function renderRemoval(keys: readonly string[]): string {
  const objects = keys.map((key) => `<Object><Key>${escapeXml(key)}</Key></Object>`).join('');
  return `<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Quiet>true</Quiet>${objects}</Delete>`;
}

/** A store that does not know `encoding-type` sends the key as it is. */
function decodeKey(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decodeEntities(text: string): string {
  return text.replace(/&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#x([0-9A-Fa-f]{1,6}));/g, (all, name, decimal, hex) => {
    if (name !== undefined) return ENTITIES[name] ?? all;
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : all;
  });
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
