/**
 * Why the service ends a connection, and the close code that the client sees (RFC 6455
 * §7.4; 4000 to 4999 are ours). Null: there is no one left to tell. The names are metric labels.
 */
export const CLOSINGS = {
  expired: { code: 4401, text: 'token expired' },
  flood: { code: 1008, text: 'too many messages' },
  idle: null,
  shutdown: { code: 1001, text: 'going away' },
  slow_consumer: { code: 1013, text: 'slow consumer' },
} as const satisfies Record<string, { readonly code: number; readonly text: string } | null>

export type ClosingReason = keyof typeof CLOSINGS
