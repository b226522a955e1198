/** Letters as people type them: no accents, no final sigma, no Catalan middle dot. */
export function fold(text: string): string {
  return text
    .toLocaleLowerCase()
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replaceAll('ς', 'σ')
    .replace(/l[·•.]l/g, 'll')
    .normalize('NFC');
}

export function matchesAll(query: string, ...texts: string[]): boolean {
  const haystack = fold(texts.join(' '));
  return fold(query).split(/\s+/).every((word) => haystack.includes(word));
}

/** "Python, Django ,, python" becomes ["python", "django"]. */
export function readTags(text: string): string[] {
  const tags = text.split(/[,;\n]/).map((tag) => tag.trim().toLowerCase().replace(/^#/, ''));
  return [...new Set(tags.filter(Boolean))];
}
