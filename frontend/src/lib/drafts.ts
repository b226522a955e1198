import { forget, recall, remember } from './storage';

/** A typed text outlives a closed tab, a lost session and a lost network. */
export interface Kept<T> {
  at: string;
  /** The version of the saved thing that the text began from. */
  version?: number;
  value: T;
}

export function keepDraft<T>(name: string, value: T, version?: number, now = new Date()): boolean {
  const kept: Kept<T> = { at: now.toISOString(), version, value };
  return remember(`draft.${name}`, JSON.stringify(kept));
}

export function findDraft<T>(name: string): Kept<T> | null {
  const text = recall(`draft.${name}`);
  if (text === null) return null;
  try {
    const kept = JSON.parse(text) as Kept<T>;
    return typeof kept === 'object' && kept !== null && 'value' in kept ? kept : null;
  } catch {
    return null;
  }
}

export function dropDraft(name: string): void {
  forget(`draft.${name}`);
}
