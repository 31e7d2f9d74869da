/**
 * Enhanced status codes that say for certain that nothing will ever reach the address: no such mailbox
 * (5.1.1) or host (5.1.2), bad syntax (5.1.3), ambiguous (5.1.4), moved (5.1.6), a host that takes no mail
 * (5.1.10, RFC 7505), disabled (5.2.1). RFC 3463 §3.2 and §3.3. The others speak of the sender (5.1.7, 5.1.8),
 * of policy (5.7.x), of a mailbox that is full for now (5.2.2), or say too little (5.0.0, 5.1.0).
 */
const UNREACHABLE: ReadonlySet<string> = new Set([
  '5.1.1',
  '5.1.2',
  '5.1.3',
  '5.1.4',
  '5.1.6',
  '5.1.10',
  '5.2.1',
])

/** Whether an enhanced status code, such as `5.1.1`, means that the address can never be reached. */
export const isUnreachable = (enhanced: string): boolean => UNREACHABLE.has(enhanced)
