// @ts-check
// Makes what is never written by hand: texts and their types, the API's types, icons, fonts.
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import openapiTypes, { astToString } from 'openapi-typescript';
import { LANGUAGES, faults, readCatalogues, sourceText, typesOf, unknownIds, usedIds } from './catalogues.mjs';
import { copyFonts, fontFaces } from './fonts.mjs';
import { iconModule } from './icons.mjs';

const frontend = dirname(dirname(fileURLToPath(import.meta.url)));
const generated = join(frontend, 'src', 'generated');

/** @param {string} name @param {string} text */
function put(name, text) {
  const path = join(generated, name);
  // An unchanged file keeps its time, so that a watching server does not reload for nothing.
  if (!existsSync(path) || readFileSync(path, 'utf8') !== text) writeFileSync(path, text);
}

function generateTexts() {
  const catalogues = readCatalogues(join(frontend, '..', 'app', 'locales'));
  const english = catalogues['en'] ?? {};
  const source = sourceText(join(frontend, 'src'));
  const used = usedIds(Object.keys(english), source).sort();
  const unknown = unknownIds(Object.keys(english), source).map((id) => `${id}: in no catalogue`);
  const missing = [...faults(catalogues, used), ...unknown];
  if (missing.length) throw new Error(`The catalogues are not whole:\n${missing.join('\n')}`);
  for (const language of LANGUAGES) {
    const texts = Object.fromEntries(used.map((id) => [id, catalogues[language]?.[id]]));
    put(`${language}.json`, `${JSON.stringify(texts)}\n`);
  }
  put('messages.ts', typesOf(english));
  return used.length;
}

async function generateClient() {
  const source = new URL('../../openapi/openapi.json', import.meta.url);
  // A field with a default may be left out of a request, so it is optional.
  const types = await openapiTypes(source, { defaultNonNullable: false });
  put('schema.ts', `// Generated from openapi/openapi.json by tools/generate.mjs.\n${astToString(types)}`);
}

mkdirSync(generated, { recursive: true });
const count = generateTexts();
put('icons.ts', iconModule());
copyFileSync(
  join(frontend, '..', 'app', 'pages', 'static', 'emblem.svg'),
  join(frontend, 'public', 'emblem.svg'),
);
put('fonts.css', fontFaces(copyFonts(join(frontend, 'public', 'fonts'))));
await generateClient();
console.log(`${count} texts in ${LANGUAGES.length} languages, client, icons and fonts are ready`);
