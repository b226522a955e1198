// @ts-check
// The five gettext catalogues become one JSON module a language and a type of all message ids.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export const LANGUAGES = /** @type {const} */ (['en', 'el', 'ca', 'nl', 'es']);

/** @typedef {string | string[]} Text */
/** @typedef {Record<string, Text>} Catalogue */

const KEYWORD = /^(msgid_plural|msgid|msgstr(?:\[\d\])?)\s+"(.*)"$/;
const CONTINUED = /^"(.*)"$/;

/** @param {string} quoted */
function unescape(quoted) {
  /** @type {Record<string, string>} */
  const signs = { n: '\n', t: '\t' };
  return quoted.replace(/\\(["\\nt])/g, (_, sign) => signs[sign] ?? sign);
}

/** @param {string} block */
function entryFields(block) {
  /** @type {Record<string, string>} */
  const fields = {};
  let keyword = '';
  for (const line of block.split('\n')) {
    if (line.startsWith('#,') && line.includes('fuzzy')) return {};
    const started = KEYWORD.exec(line);
    const text = started ? started[2] : CONTINUED.exec(line)?.[1];
    if (text === undefined) continue;
    if (started?.[1]) keyword = started[1];
    fields[keyword] = (fields[keyword] ?? '') + unescape(text);
  }
  return fields;
}

/** @param {string} source @returns {Catalogue} */
export function parseCatalogue(source) {
  /** @type {Catalogue} */
  const messages = {};
  for (const block of source.replaceAll('\r\n', '\n').split('\n\n')) {
    const fields = entryFields(block);
    const id = fields['msgid'];
    if (!id) continue;
    const text = fields['msgstr'] ?? [fields['msgstr[0]'] ?? '', fields['msgstr[1]'] ?? ''];
    messages[id] = text;
  }
  return messages;
}

/** @param {string} folder @returns {Record<string, Catalogue>} */
export function readCatalogues(folder) {
  return Object.fromEntries(
    LANGUAGES.map((language) => [
      language,
      parseCatalogue(readFileSync(join(folder, `${language}.po`), 'utf8')),
    ]),
  );
}

/** @param {string} folder @returns {string} */
export function sourceText(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.(ts|svelte)$/.test(entry.name))
    .filter((entry) => !entry.parentPath.includes('generated'))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    .join('\n');
}

const QUOTED_ID = /["'`]([a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+)["'`]/g;
const COMPUTED_ID = /`((?:[a-z][a-z0-9_]*\.)+(?:[a-z0-9_]*_)?)\$\{/g;

/**
 * The ids that the workspace names, whole or by the fixed beginning of a computed one.
 * @param {string[]} ids @param {string} source
 */
export function usedIds(ids, source) {
  const whole = new Set([...source.matchAll(QUOTED_ID)].map((found) => found[1]));
  const beginnings = [...source.matchAll(COMPUTED_ID)].map((found) => found[1] ?? '');
  return ids.filter((id) => whole.has(id) || beginnings.some((start) => id.startsWith(start)));
}

const ASKED_ID = /\bt\(\s*['"]([^'"]+)['"]/g;

/** Ids that the source asks for by name and no catalogue holds. @param {string[]} ids @param {string} source */
export function unknownIds(ids, source) {
  const known = new Set(ids);
  return [...source.matchAll(ASKED_ID)].map((found) => found[1] ?? '').filter((id) => !known.has(id));
}

/**
 * Every fault that would leave a person with a missing or broken text.
 * @param {Record<string, Catalogue>} catalogues @param {string[]} ids
 */
export function faults(catalogues, ids) {
  return ids.flatMap((id) =>
    LANGUAGES.filter((language) => {
      const text = catalogues[language]?.[id];
      return !text || (Array.isArray(text) && text.some((form) => !form));
    }).map((language) => `${id}: no text for ${language}`),
  );
}

/** @param {Text} text */
function placeholders(text) {
  const joined = Array.isArray(text) ? text.join('') : text;
  return [...new Set([...joined.matchAll(/\{([a-z][a-z0-9_]*)\}/g)].map((found) => found[1] ?? ''))];
}

/** @param {string} id @param {Text} text */
function typeLine(id, text) {
  const names = new Set(placeholders(text));
  if (Array.isArray(text)) names.add('n');
  const fields = [...names].sort().map((name) => {
    const type = name === 'n' && Array.isArray(text) ? 'number' : 'string | number';
    return `${name}: ${type}`;
  });
  return `  '${id}': ${fields.length ? `{ ${fields.join('; ')} }` : 'undefined'};`;
}

/** @param {Catalogue} english @returns {string} */
export function typesOf(english) {
  const lines = Object.keys(english)
    .sort()
    .map((id) => typeLine(id, english[id] ?? ''));
  return `// Generated from app/locales/en.po by tools/generate.mjs.\nexport interface Messages {\n${lines.join('\n')}\n}\n`;
}
