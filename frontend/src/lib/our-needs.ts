import { listClaimsOf } from '../api/claims';
import { listNeeds } from '../api/needs';
import type { Claim, Need } from '../api/types';

export interface NeedWithClaims {
  need: Need;
  claims: Claim[];
}

const AT_ONCE = 4;
const WITHOUT_CLAIMS: readonly Need['state'][] = ['draft', 'review'];

/** All needs of an organisation, newest first, and the claims of those that may have some. */
export async function ourNeeds(organisation: string, cursor: string | null = null): Promise<{ items: NeedWithClaims[]; next: string | null }> {
  const page = await listNeeds({ organisation, state: 'any', sort: 'newest', limit: 50, cursor });
  const items: NeedWithClaims[] = page.items.map((need) => ({ need, claims: [] }));
  const asking = items.filter(({ need }) => !WITHOUT_CLAIMS.includes(need.state));
  for (let start = 0; start < asking.length; start += AT_ONCE) {
    const some = asking.slice(start, start + AT_ONCE);
    await Promise.all(some.map(async (one) => (one.claims = await listClaimsOf(one.need.id))));
  }
  return { items, next: page.next_cursor };
}
