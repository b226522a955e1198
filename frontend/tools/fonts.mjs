// @ts-check
// Fonts get stable names: the server-rendered pages use the same files as the workspace.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const FAMILIES = /** @type {const} */ ([
  ['Literata', 'literata', '200 900'],
  ['Commissioner', 'commissioner', '100 900'],
  ['JetBrains Mono', 'jetbrains-mono', '100 800'],
]);
const SUBSETS = ['latin', 'latin-ext', 'greek'];

/** @param {string} css @param {string} file */
function unicodeRange(css, file) {
  const face = css.split('@font-face').find((part) => part.includes(`/${file})`));
  return /unicode-range:\s*([^;]+);/.exec(face ?? '')?.[1] ?? '';
}

/** @param {string} folder */
export function copyFonts(folder) {
  const require = createRequire(import.meta.url);
  mkdirSync(folder, { recursive: true });
  const faces = FAMILIES.flatMap(([family, slug, weight]) => {
    const home = dirname(require.resolve(`@fontsource-variable/${slug}/package.json`));
    const css = readFileSync(join(home, 'index.css'), 'utf8');
    copyFileSync(join(home, 'LICENSE'), join(folder, `${slug}.LICENSE.txt`));
    return SUBSETS.map((subset) => {
      const file = `${slug}-${subset}-wght-normal.woff2`;
      copyFileSync(join(home, 'files', file), join(folder, file));
      return { family, file, subset, weight, unicode_range: unicodeRange(css, file) };
    });
  });
  writeFileSync(join(folder, 'manifest.json'), `${JSON.stringify({ fonts: faces }, null, 1)}\n`);
  return faces;
}

/** @param {ReturnType<typeof copyFonts>} faces */
export function fontFaces(faces) {
  return faces
    .map(
      (face) =>
        `@font-face{font-family:'${face.family}';font-style:normal;font-display:swap;` +
        `font-weight:${face.weight};src:url('/fonts/${face.file}') format('woff2');` +
        `unicode-range:${face.unicode_range}}\n`,
    )
    .join('');
}
