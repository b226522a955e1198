import { BASE } from '../lib/paths';

let current = $state({ path: location.pathname, search: location.search });

export function here(): string {
  return current.path;
}
export function query(): URLSearchParams {
  return new URLSearchParams(current.search);
}

function read(): void {
  current = { path: location.pathname, search: location.search };
}

export function go(address: string, options: { replace?: boolean } = {}): void {
  history[options.replace ? 'replaceState' : 'pushState'](null, '', address);
  read();
  if (!options.replace) scrollTo(0, 0);
}

/** Keeps filters in the address without moving the person anywhere. */
export function setQuery(search: URLSearchParams): void {
  const text = search.toString();
  history.replaceState(null, '', `${location.pathname}${text ? `?${text}` : ''}`);
  read();
}

function internalTarget(event: MouseEvent): string | null {
  if (event.defaultPrevented || event.button !== 0) return null;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return null;
  const link = (event.target as Element | null)?.closest?.('a[href]');
  if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute('download')) return null;
  if (link.origin !== location.origin) return null;
  const inside = link.pathname === BASE || link.pathname.startsWith(`${BASE}/`);
  return inside ? link.pathname + link.search + link.hash : null;
}

/** Plain links stay plain links; those that stay inside the workspace do not reload it. */
export function followLinks(): void {
  addEventListener('popstate', read);
  document.addEventListener('click', (event) => {
    const target = internalTarget(event);
    if (target === null) return;
    const url = new URL(target, location.href);
    if (url.hash && url.pathname === location.pathname && url.search === location.search) return;
    event.preventDefault();
    go(target);
  });
}
