// What is recorded, and how long it is kept.

import { Type } from 'typebox';
import { count, text } from '../option-kinds.js';

/** A number with a unit: `90s`, `30m`, `12h`, `7d`. */
const DURATION_TEXT = '[1-9][0-9]{0,6}[smhd]';
/** `500MB`, `2GB`, `1TB`: powers of 1024. */
const SIZE_TEXT = '[1-9][0-9]{0,5}(MB|GB|TB)';

const CRON_FIELD = '[0-9A-Za-z*/,-]{1,60}';
/** Whether its numbers exist is checked by `conflicts.ts`. */
const CRON_TEXT = `${CRON_FIELD}( ${CRON_FIELD}){4}`;
const PATH_PIECE = '([0-9A-Za-z_.-]|\\{(app|name|part|year|month|day|hour|minute)\\})';

export const recordingOptions = {
  record: text({
    default: 'off',
    pattern: '^(off|all|[a-z0-9]{1,20}(,[a-z0-9]{1,20}){0,7})$',
    placeholder: 'off|all|NAME,…',
    expected: 'off, all, or names of renditions such as source,720p',
    description:
      'Which renditions of every stream to record (`audio` comes with any of them). A recording is played at `/vod/ID/index.m3u8`, and listed at `/recordings`. `off` records only what is started through the API.',
  }),
  recordStreams: Type.Array(
    Type.String({
      pattern: '^[0-9A-Za-z_.*-]+(/[0-9A-Za-z_.*-]+)+$',
      maxLength: 255,
      expected: 'APP/NAME, where * stands for any characters but /',
    }),
    {
      default: ['*/*'],
      minItems: 1,
      maxItems: 100,
      placeholder: 'APP/NAME,…',
      expected: 'a list of APP/NAME, where * stands for any characters but /',
      description: 'The streams to which `record` applies, such as `live/show-*`.',
    },
  ),
  recordDir: text({
    default: 'recordings',
    placeholder: 'DIR',
    description:
      'Where recordings are kept. On the file system of `mediaDir` they take no extra space while a stream is live, because the files are hard links. Must not lie in `mediaDir` or `stateDir`.',
  }),
  recordPath: text({
    default: '{app}/{name}/{id}',
    pattern: `^((?!\\.)${PATH_PIECE}+/){0,6}((?!\\.)${PATH_PIECE}+-)?\\{id\\}$`,
    placeholder: 'TEMPLATE',
    expected:
      'names of directories, made of letters, digits, "_", ".", "-" and {app}, {name}, {part}, {year}, {month}, {day}, {hour}, {minute}, of which the last one is {id} or ends with -{id}',
    description:
      'Where below `recordDir` each recording has its directory, such as `{app}/{name}/{year}-{month}-{day}/{hour}{minute}-{id}`. Times are UTC; `{part}` counts from 1 when a recording is continued in new ones. A change is for new recordings, and earlier ones are still found.',
  }),
  recordSplit: text({
    default: 'publish',
    pattern: `^(publish|${DURATION_TEXT}|${SIZE_TEXT}|${CRON_TEXT})$`,
    placeholder: 'publish|TIME|SIZE|CRON',
    expected: 'publish, a time such as 1h, a size such as 2GB, or five fields of a crontab such as "0 * * * *"',
    description:
      'When a recording is split: never while the stream is live (`publish`), when it has this length or size, or at these times (a crontab in local time: `0 * * * *` is every full hour). It is split between segments, at the same picture in all renditions.',
  }),
  keepFor: text({
    default: 'forever',
    pattern: `^(forever|${DURATION_TEXT})$`,
    placeholder: 'TIME|forever',
    expected: 'a time such as 12h or 30d, or forever',
    description: 'How long a finished recording is kept. Pinned ones are kept in any case.',
  }),
  keepBytes: text({
    default: 'any',
    pattern: `^(any|${SIZE_TEXT})$`,
    placeholder: 'SIZE|any',
    expected: 'a size such as 500GB, or any',
    description: 'Size of all recordings together; beyond it the oldest finished ones are removed.',
  }),
  keepStreamBytes: text({
    default: 'any',
    pattern: `^(any|${SIZE_TEXT})$`,
    placeholder: 'SIZE|any',
    expected: 'a size such as 50GB, or any',
    description: 'Size of all recordings of one stream; beyond it the oldest finished ones are removed.',
  }),
  keepCount: count(0, 1_000_000, {
    default: 0,
    unit: 'recordings',
    description: 'Finished recordings kept of each stream; the oldest are removed. 0 keeps all.',
  }),
  viewerClips: text({
    default: 'off',
    pattern: `^(off|${SIZE_TEXT})$`,
    placeholder: 'off|SIZE',
    expected: 'off, or a size such as 20GB',
    description:
      'Whether viewers may cut clips of up to 10 minutes out of the recordings that they may watch, on the page of a recording, and how large all of these clips together may be. Operators may always cut clips.',
  }),
  keepFree: text({
    default: '1GB',
    pattern: `^(0|${SIZE_TEXT})$`,
    placeholder: 'SIZE|0',
    expected: 'a size such as 10GB, or 0',
    description:
      'Free space to leave on the disk of `recordDir`. Below it, the oldest finished recordings are removed; if that is not enough, recordings pause while live streams go on, and the missing time is listed as a gap.',
  }),
};
