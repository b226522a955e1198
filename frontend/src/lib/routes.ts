export type Params = Record<string, string>;

/** Matches "/needs/:id" against a path below the base; answers the named parts. */
export function matchPath(pattern: string, path: string): Params | null {
  const wanted = steps(pattern);
  const given = steps(path);
  if (wanted.length !== given.length) return null;
  const params: Params = {};
  for (const [index, step] of wanted.entries()) {
    const value = given[index] ?? '';
    if (step.startsWith(':')) params[step.slice(1)] = decodeURIComponent(value);
    else if (step !== value) return null;
  }
  return params;
}

function steps(path: string): string[] {
  return path.split('/').filter(Boolean);
}
