// Reads a V8 CPU profile and reports in which functions and files the time was spent.
import { readFileSync } from 'node:fs';

const ROWS = 20;

/** @param file as written by `node --cpu-prof` */
export function printProfile(file) {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8'));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const functions = new Map();
  const places = new Map();
  let busy = 0;
  samples.forEach((id, index) => {
    const { functionName, url, lineNumber } = byId.get(id).callFrame;
    if (functionName === '(idle)' || functionName === '(root)') return;
    const time = timeDeltas[index] ?? 0;
    busy += time;
    const place = placeOf(url, functionName);
    places.set(place, (places.get(place) ?? 0) + time);
    const label = `${functionName || '(anonymous)'} ${url === '' ? '' : `${shortened(url)}:${lineNumber + 1}`}`;
    functions.set(label, (functions.get(label) ?? 0) + time);
  });
  const share = (time) => `${((100 * time) / busy).toFixed(1).padStart(5)} %`;
  const largest = (map) => [...map].sort((a, b) => b[1] - a[1]);
  console.log('  by place:');
  for (const [place, time] of largest(places)) console.log(`    ${share(time)}  ${place}`);
  console.log('  by function, its own time:');
  for (const [label, time] of largest(functions).slice(0, ROWS)) console.log(`    ${share(time)}  ${label}`);
}

function placeOf(url, functionName) {
  if (functionName === '(garbage collector)') return 'garbage collection';
  if (functionName === '(program)') return 'native code outside JavaScript (system calls, libuv)';
  if (url.startsWith('node:')) return 'Node';
  const module = /\/dist\/((?:protocols|servers)\/[^/]+|[^/]+)\//.exec(url)?.[1];
  return module ?? (url === '' ? 'native functions called from JavaScript' : 'packages');
}

function shortened(url) {
  return url.replace(/^file:.*\/(?:dist|node_modules)\//, '');
}
