import type { XOAuth2ProvisionCallback } from 'nodemailer/lib/xoauth2'
import { DeliveryFailure } from '../../model/outcome.js'
import { AccessTokens, NoToken } from './access-tokens.js'
import type { OAuth2Client } from './token-endpoint.js'

/** How the service makes itself known to the mail server. */
export type Login =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** XOAUTH2, as Gmail and Microsoft 365 have it. */
  | { readonly kind: 'oauth2'; readonly username: string; readonly client: OAuth2Client }

/** The same, as nodemailer takes it. */
export interface LoginOptions {
  readonly auth:
    | { readonly user: string; readonly pass: string }
    | { readonly type: 'OAuth2'; readonly user: string; readonly provisionCallback: XOAuth2ProvisionCallback }
    | undefined
  close(): Promise<void>
}

/** @param timeoutMs for one request to the token endpoint */
export function loginOptions(login: Login | null, timeoutMs: number): LoginOptions {
  if (login === null) return { auth: undefined, close: async () => undefined }
  if (login.kind === 'password') {
    return { auth: { user: login.username, pass: login.password }, close: async () => undefined }
  }
  const tokens = new AccessTokens(login.client, timeoutMs)
  return {
    auth: {
      type: 'OAuth2',
      user: login.username,
      // Each connection asks; nodemailer by itself would fetch a token for each.
      provisionCallback: (_user, refused, done) => {
        tokens.get(refused).then(
          ({ value, renewAt }) => done(null, value, renewAt),
          (error: unknown) => done(new NoToken(asFailure(error))),
        )
      },
    },
    close: () => tokens.close(),
  }
}

const asFailure = (error: unknown): DeliveryFailure =>
  error instanceof DeliveryFailure
    ? error
    : new DeliveryFailure('internal', 'the access token could not be fetched', {
        retryable: true,
        cause: error,
      })
