// Browser storage may be refused or full: then the workspace forgets, and goes on.
const PREFIX = 'tornallom.';

export function remember(name: string, value: string): boolean {
  try {
    localStorage.setItem(PREFIX + name, value);
    return true;
  } catch {
    return false;
  }
}

export function recall(name: string): string | null {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function forget(name: string): void {
  try {
    localStorage.removeItem(PREFIX + name);
  } catch {
    // Nothing was kept, so nothing is left.
  }
}

/** What one person kept, so that nothing of theirs is shown to the next at this computer. */
export function forgetStartingWith(start: string): void {
  try {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(PREFIX + start)) localStorage.removeItem(key);
    }
  } catch {
    // As above.
  }
}
