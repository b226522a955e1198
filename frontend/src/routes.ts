import type { Component } from 'svelte';
import { matchPath, type Params } from './lib/routes';
import { BASE } from './lib/paths';

// Each page is its own file on the wire: a phone loads what it shows.
type Page = Component<any>;
interface Route {
  path: string;
  load: () => Promise<{ default: Page }>;
  open?: boolean;
}

const ROUTES: readonly Route[] = [
  { path: '/', load: () => import('./pages/Board.svelte') },
  { path: '/sign-in', load: () => import('./pages/SignIn.svelte'), open: true },
  { path: '/sign-up', load: () => import('./pages/SignUp.svelte'), open: true },
  { path: '/setup', load: () => import('./pages/SetUp.svelte'), open: true },
  { path: '/needs/new', load: () => import('./pages/NeedEditor.svelte') },
  { path: '/needs/:id', load: () => import('./pages/NeedPage.svelte') },
  { path: '/needs/:id/edit', load: () => import('./pages/NeedEditor.svelte') },
  { path: '/notices', load: () => import('./pages/Notices.svelte') },
  { path: '/claims', load: () => import('./pages/MyClaims.svelte') },
  { path: '/claims/:id', load: () => import('./pages/ClaimPage.svelte') },
  { path: '/panels/:id', load: () => import('./pages/PanelPage.svelte') },
  { path: '/our-needs', load: () => import('./pages/OurNeeds.svelte') },
  { path: '/confirm', load: () => import('./pages/ConfirmHours.svelte') },
  { path: '/ledger', load: () => import('./pages/Ledger.svelte') },
  { path: '/ledger/:id', load: () => import('./pages/Ledger.svelte') },
  { path: '/contributions', load: () => import('./pages/Contributions.svelte') },
  { path: '/organisations', load: () => import('./pages/Organisations.svelte') },
  { path: '/organisations/new', load: () => import('./pages/NewOrganisation.svelte') },
  { path: '/organisations/:id', load: () => import('./pages/OrganisationPage.svelte') },
  { path: '/organisations/:id/callbacks', load: () => import('./pages/Webhooks.svelte') },
  { path: '/profile', load: () => import('./pages/ProfilePage.svelte') },
  { path: '/account', load: () => import('./pages/AccountPage.svelte') },
  { path: '/tokens', load: () => import('./pages/Tokens.svelte') },
  { path: '/peers', load: () => import('./pages/Peers.svelte') },
  { path: '/import', load: () => import('./pages/ImportNeeds.svelte') },
];

export interface Destination {
  page: Page;
  params: Params;
  open: boolean;
}

export function findRoute(path: string): { route: Route; params: Params } | null {
  const below = path.startsWith(BASE) ? path.slice(BASE.length) : path;
  for (const route of ROUTES) {
    const params = matchPath(route.path, below);
    if (params) return { route, params };
  }
  return null;
}
