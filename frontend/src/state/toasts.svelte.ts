export interface Toast {
  id: number;
  text: string;
  tone: 'ok' | 'problem';
  undo?: { label: string; act: () => Promise<void> };
  until: number;
}

const UNDO_SECONDS = 10;
const READ_SECONDS = 6;
let toasts = $state<Toast[]>([]);
let last = 0;

export function shownToasts(): Toast[] {
  return toasts;
}

export function dismiss(id: number): void {
  toasts = toasts.filter((toast) => toast.id !== id);
}

function show(toast: Omit<Toast, 'id' | 'until'>, seconds: number): void {
  const id = ++last;
  toasts = [...toasts, { ...toast, id, until: Date.now() + seconds * 1000 }];
  setTimeout(() => dismiss(id), seconds * 1000);
}

export function say(text: string): void {
  show({ text, tone: 'ok' }, READ_SECONDS);
}

export function complain(text: string): void {
  show({ text, tone: 'problem' }, UNDO_SECONDS);
}

export function offerUndo(text: string, label: string, act: () => Promise<void>): void {
  show({ text, tone: 'ok', undo: { label, act } }, UNDO_SECONDS);
}
