// Generates the help text and the table of docs/configuration.md from the schema, so that they are always up to date.

import { expectedValue, FILE_OPTIONS, type FileOption, OPTIONS } from './option.js';
import { SECTIONS } from './schema.js';

/** The options part of `--help`, at most 100 columns wide. */
export function optionsHelp(): string {
  const sections = SECTIONS.map(({ title, options }) => ({
    title,
    rows: OPTIONS.filter(({ key }) => key in options).map((option) => ({
      left: `  ${option.flag ?? option.environment[0]} ${option.placeholder}`,
      right: `${plain(option.description)} [${plain(defaultText(option))}]`,
    })),
  }));
  sections.at(-1)?.rows.push(
    {
      left: '  --config FILE',
      right: 'YAML file with these options as keys (httpPort: 8080), and more: users and limits.',
    },
    { left: '  --help, --version', right: 'Show this text, or the version.' },
  );
  const width = Math.max(...sections.flatMap(({ rows }) => rows.map(({ left }) => left.length))) + 2;
  const lines = ({ left, right }: { left: string; right: string }): string[] =>
    wrap(right, 100 - width).map((line, i) => `${(i === 0 ? left : '').padEnd(width)}${line}`);
  return sections.map(({ title, rows }) => [`${title}:`, ...rows.flatMap(lines)].join('\n')).join('\n\n');
}

/** A Markdown table of the options that can be set only in the file. */
export function fileOptionsTable(): string {
  const rows = FILE_OPTIONS.filter(({ fileOnly }) => fileOnly).map((option) =>
    row([`\`${option.key}\``, defaultText(option), capitalised(expectedValue(option)), option.description]),
  );
  return ['| Key | Default | Value | What it does |', '|---|---|---|---|', ...rows].join('\n');
}

/** A Markdown table with one row per option that has an environment variable. */
export function optionsTable(): string {
  const rows = OPTIONS.map((option) => {
    const names = [...(option.flag === undefined ? [] : [option.flag]), ...option.environment]
      .map((name) => `\`${name}\``)
      .join('<br>');
    return row([
      `\`${option.key}\``,
      names,
      defaultText(option),
      capitalised(expectedValue(option)),
      option.description,
    ]);
  });
  return ['| Key | Flag, environment | Default | Value | What it does |', '|---|---|---|---|---|', ...rows].join('\n');
}

const row = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;

function defaultText(option: FileOption): string {
  const value = option.defaultValue;
  if (value === undefined) return option.fallback ?? 'none';
  const text = Array.isArray(value) ? value.join(',') || 'none' : String(value);
  const unit = option.unit === 's' ? ' s' : '';
  return `\`${text}\`${unit}`;
}

const plain = (markdown: string): string => markdown.replaceAll('`', '');

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines;
}
