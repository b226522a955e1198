// @ts-check
// The few Lucide icons that we use, as shapes: drawn by Icon.svelte without {@html}.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export const ICONS = [
  'arrow-left', 'ban', 'bell', 'book-open', 'building-2', 'calendar', 'check', 'chevron-down', 'circle-alert',
  'circle-help', 'clipboard-list', 'clock', 'external-link', 'file-up', 'fingerprint', 'eye-off', 'hand-heart', 'history',
  'handshake', 'hourglass', 'key-round', 'keyboard', 'languages', 'layout-dashboard', 'list-checks', 'log-out',
  'map-pin', 'menu', 'moon', 'network', 'pencil', 'plus', 'refresh-cw', 'scale', 'search', 'send', 'settings',
  'shield-check', 'sun', 'sun-moon', 'timer', 'trash-2', 'undo-2', 'user-round', 'users', 'wifi-off', 'x',
];

const SHAPE = /<(path|circle|rect|line|polyline|polygon|ellipse)\s([^>]*?)\/?>/g;
const ATTRIBUTE = /([a-z0-9-]+)="([^"]*)"/g;

/** @param {string} svg */
function shapes(svg) {
  return [...svg.matchAll(SHAPE)].map(([, tag, attributes]) => [
    tag,
    Object.fromEntries([...(attributes ?? '').matchAll(ATTRIBUTE)].map(([, name, value]) => [name, value])),
  ]);
}

export function iconModule() {
  const folder = join(dirname(createRequire(import.meta.url).resolve('lucide-static/package.json')), 'icons');
  const entries = ICONS.map((name) => [name, shapes(readFileSync(join(folder, `${name}.svg`), 'utf8'))]);
  const names = ICONS.map((name) => `'${name}'`).join(' | ');
  return [
    '// Generated from lucide-static (ISC) by tools/generate.mjs.',
    `export type IconName = ${names};`,
    'export type IconShape = [string, Record<string, string>];',
    `export const ICONS: Record<IconName, IconShape[]> = ${JSON.stringify(Object.fromEntries(entries))};`,
    '',
  ].join('\n');
}
