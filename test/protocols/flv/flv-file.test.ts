// FLV is exchanged with FFmpeg in both directions: FFmpeg reads the output of our writer, and our reader reads FFmpeg's output.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SluiceError } from '../../../src/protocols/errors.js';
import { FlvReader } from '../../../src/protocols/flv/flv-reader.js';
import type { FlvTag, FlvTagType } from '../../../src/protocols/flv/flv-tag.js';
import { FLV_HEADER, flvTag } from '../../../src/protocols/flv/flv-writer.js';
import { parseVideoTag } from '../../../src/protocols/flv/video-tag.js';
import { npmFfmpeg, runProgram } from '../../support/processes.js';

function readAll(pieces: readonly Buffer[], limits?: { maxBodySize: number }): FlvTag[] {
  const reader = new FlvReader(limits);
  const tags: FlvTag[] = [];
  for (const piece of pieces) {
    reader.push(piece);
    for (let tag = reader.next(); tag !== undefined; tag = reader.next()) tags.push(tag);
  }
  return tags;
}

function write(tags: readonly FlvTag[]): Buffer {
  return Buffer.concat([FLV_HEADER(true, true), ...tags.flatMap((tag) => flvTag(tag.type, tag.timestamp, tag.body))]);
}

const anyTag = fc.record({
  type: fc.constantFrom<FlvTagType>('audio', 'video', 'script'),
  timestamp: fc.constantFrom(0, 1, 0xff_ffff, 0x100_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff),
  body: fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
});

describe('FLV writer and reader', () => {
  it('writes the header of E.2', () => {
    expect(FLV_HEADER(true, true).toString('hex')).toBe('464c5601050000000900000000');
    expect(FLV_HEADER(true, false)[4]).toBe(4);
    expect(FLV_HEADER(false, true)[4]).toBe(1);
  });

  it('A2.17 writes the upper byte of the timestamp after the lower three', () => {
    const [header, , trailer] = flvTag('video', 0x01020304, Buffer.alloc(5));
    expect(header.toString('hex')).toBe('0900000502030401000000');
    expect(trailer.toString('hex')).toBe('00000010');
  });

  it('does not copy the body, and refuses one that its size field cannot say', () => {
    const body = Buffer.alloc(3);
    expect(flvTag('audio', 0, body)[1]).toBe(body);
    expect(() => flvTag('audio', 0, Buffer.alloc(0x100_0000))).toThrow(
      expect.objectContaining({ code: 'flv.tag-size' }),
    );
  });

  it('reads what was written, in any cutting of the bytes', () => {
    fc.assert(
      fc.property(fc.array(anyTag, { maxLength: 10 }), fc.array(fc.nat(400), { maxLength: 30 }), (tags, cuts) => {
        const file = write(tags);
        const offsets = [0, ...cuts.map((at) => at % file.length).sort((a, b) => a - b), file.length];
        expect(readAll(offsets.slice(1).map((end, index) => file.subarray(offsets[index], end)))).toEqual(tags);
      }),
    );
  });

  it('skips tags of other types and headers of other sizes', () => {
    const odd = Buffer.concat([Buffer.from('464c560105', 'hex'), Buffer.from('0000000b', 'hex'), Buffer.alloc(2 + 4)]);
    const unknown = Buffer.concat([Buffer.from('0300000200000000000000aabb', 'hex'), Buffer.alloc(4)]);
    const known = flvTag('audio', 5, Buffer.from([1]));
    expect(readAll([Buffer.concat([odd, unknown, ...known])])).toEqual([
      { type: 'audio', timestamp: 5, body: Buffer.from([1]) },
    ]);
  });

  it('refuses input that is not FLV and tags over the limit, and then stops reading', () => {
    expect(() => readAll([Buffer.from('<html></html>')])).toThrow(expect.objectContaining({ code: 'flv.header' }));
    const reader = new FlvReader({ maxBodySize: 10 });
    reader.push(write([{ type: 'video', timestamp: 0, body: Buffer.alloc(11) }]));
    for (let call = 0; call < 2; call += 1) {
      expect(() => reader.next()).toThrow(expect.objectContaining({ code: 'flv.tag-size', kind: 'limit' }));
    }
  });

  it('ends in tags or one typed error for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.boolean(), (bytes, headed) => {
        try {
          readAll([headed ? FLV_HEADER(true, true) : Buffer.alloc(0), Buffer.from(bytes)]);
        } catch (error) {
          expect(error).toBeInstanceOf(SluiceError);
        }
      }),
    );
  });

  it('reads what FFmpeg writes, and FFmpeg decodes what it wrote again', async () => {
    const source = ['-f', 'lavfi', '-i', 'testsrc2=size=160x120:rate=25', '-f', 'lavfi', '-i', 'sine'];
    const codecs = [
      '-t',
      '1',
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-bf',
      '2',
      '-c:a',
      'aac',
      '-f',
      'flv',
      'pipe:1',
    ];
    const file = (await runProgram(npmFfmpeg(), ['-v', 'error', '-nostdin', ...source, ...codecs])).stdout;
    const tags = readAll([file]);
    const frames = tags.filter(({ type, body }) => type === 'video' && parseVideoTag(body).packetType === 'frames');
    expect(frames).toHaveLength(25);
    const again = write(tags);
    const decode = ['-v', 'warning', '-nostdin', '-xerror', '-f', 'flv', '-i', 'pipe:0', '-f', 'framemd5', '-'];
    const [before, after] = await Promise.all([file, again].map((input) => runProgram(npmFfmpeg(), decode, input)));
    expect(after?.stderr).toBe('');
    expect(after?.stdout.toString()).toBe(before?.stdout.toString());
  });
});
