// Every address of the workspace, in one place.
export const BASE = '/app';

export const paths = {
  board: () => `${BASE}/`,
  signIn: (next?: string) => `${BASE}/sign-in${next ? `?next=${encodeURIComponent(next)}` : ''}`,
  signUp: (next?: string) => `${BASE}/sign-up${next ? `?next=${encodeURIComponent(next)}` : ''}`,
  need: (id: string) => `${BASE}/needs/${id}`,
  newNeed: () => `${BASE}/needs/new`,
  editNeed: (id: string) => `${BASE}/needs/${id}/edit`,
  notices: () => `${BASE}/notices`,
  claims: () => `${BASE}/claims`,
  claim: (id: string) => `${BASE}/claims/${id}`,
  panel: (id: string) => `${BASE}/panels/${id}`,
  ourNeeds: () => `${BASE}/our-needs`,
  confirm: () => `${BASE}/confirm`,
  ledger: () => `${BASE}/ledger`,
  book: (id: string) => `${BASE}/ledger/${id}`,
  contributions: () => `${BASE}/contributions`,
  organisations: () => `${BASE}/organisations`,
  newOrganisation: () => `${BASE}/organisations/new`,
  organisation: (id: string) => `${BASE}/organisations/${id}`,
  callbacks: (id: string) => `${BASE}/organisations/${id}/callbacks`,
  profile: () => `${BASE}/profile`,
  account: () => `${BASE}/account`,
  tokens: () => `${BASE}/tokens`,
  peers: () => `${BASE}/peers`,
  imports: () => `${BASE}/import`,
  publicNeed: (id: string) => `/needs/${id}`,
  publicHome: () => '/',
  // Pages of the server's, which are never drawn here a second time.
  searches: () => '/searches',
  reports: () => '/stewardship/reports',
  reviews: () => '/stewardship/reviews',
  asks: () => '/stewardship/asks',
  noticeSettings: () => '/notices/settings',
  bookHome: (id: string) => `/books/${id}`,
  bookDecisions: (id: string) => `/books/${id}/decisions`,
  bookDisputes: (id: string) => `/books/${id}/disputes`,
  bookPeriods: (id: string) => `/books/${id}/periods`,
  bookPeople: (id: string) => `/books/${id}/people`,
  entry: (id: string) => `/entries/${id}`,
};

/** Only an address of the workspace itself may follow a sign-in. */
export function safeNext(next: string | null): string {
  return next && /^\/app(\/[^\\]*)?$/.test(next) && !next.startsWith('//') ? next : paths.board();
}
