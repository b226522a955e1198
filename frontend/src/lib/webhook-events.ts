// What an organisation's tools can be told; the API refuses anything else.
export const WEBHOOK_EVENTS = [
  ['need.published', 'need_published'], ['need.updated', 'need_updated'], ['need.withdrawn', 'need_withdrawn'],
  ['claim.applied', 'claim_applied'], ['claim.accepted', 'claim_accepted'], ['claim.declined', 'claim_declined'],
  ['claim.withdrawn', 'claim_withdrawn'], ['claim.released', 'claim_released'], ['claim.lapsed', 'claim_lapsed'],
  ['claim.expired', 'claim_expired'], ['claim.submitted', 'claim_submitted'],
  ['claim.changes_requested', 'claim_changes_requested'], ['claim.disputed', 'claim_disputed'],
  ['claim.confirmed', 'claim_confirmed'], ['claim.rejected', 'claim_rejected'],
] as const;
