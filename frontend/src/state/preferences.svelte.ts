import { forget, recall, remember } from '../lib/storage';

export type Theme = 'system' | 'light' | 'dark';

function keptTheme(): Theme {
  const kept = recall('theme');
  return kept === 'light' || kept === 'dark' ? kept : 'system';
}

let theme = $state<Theme>(keptTheme());
let keyboard = $state(recall('keyboard') !== 'off');

export const preferences = {
  get theme() {
    return theme;
  },
  set theme(next: Theme) {
    theme = next;
    if (next === 'system') {
      forget('theme');
      delete document.documentElement.dataset['theme'];
    } else {
      remember('theme', next);
      document.documentElement.dataset['theme'] = next;
    }
  },
  /** Single-key shortcuts can be turned off (WCAG 2.1.4). */
  get keyboard() {
    return keyboard;
  },
  set keyboard(next: boolean) {
    keyboard = next;
    remember('keyboard', next ? 'on' : 'off');
  },
};
