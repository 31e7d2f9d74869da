import type { DKIMSingleKeyOptions } from 'nodemailer/lib/dkim'

/** Signs what leaves, so that receivers can tell that the domain sent it (RFC 6376). */
export interface Dkim {
  /** Receivers look for the public key at `<selector>._domainkey.<domain>`. */
  readonly domain: string
  readonly selector: string
  /** RSA, PEM. */
  readonly privateKey: string
}

/**
 * What the signature covers, where the message has it: all that a reader sees, and both headers of
 * RFC 8058 §4, which mail programs heed only under a signature. Not what relays may change.
 */
const SIGNED = [
  'From',
  'To',
  'Subject',
  'Date',
  'Message-ID',
  'MIME-Version',
  'Content-Type',
  'Content-Transfer-Encoding',
  'Auto-Submitted',
  'List-Unsubscribe',
  'List-Unsubscribe-Post',
]

export const dkimOptions = (dkim: Dkim | null): DKIMSingleKeyOptions | undefined =>
  dkim === null
    ? undefined
    : {
        domainName: dkim.domain,
        keySelector: dkim.selector,
        privateKey: dkim.privateKey,
        headerFieldNames: SIGNED.join(':'),
      }
