import { domainToASCII } from 'node:url'

/** RFC 5321 §4.5.3.1.1 and §4.5.3.1.3: a path of 256 octets without its angle brackets. */
const MAX_LOCAL_PART = 64
const MAX_ADDRESS = 254

/** The dot-atom of RFC 5322 §3.2.3. Quoted local parts are left out: they exist mostly to deceive parsers. */
const LOCAL_PART = /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*$/
/** Letters of any script, before the conversion to ASCII: that conversion would also decode `%40`. */
const WRITTEN_DOMAIN = /^[\p{L}\p{M}\p{N}.-]+$/u
/** RFC 1035 §2.3.4 labels; the last one starts with a letter, so `127.0.0.1` is not a name. */
const DOMAIN = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$/

export type ReadAddress =
  | { readonly ok: true; readonly address: string; readonly domain: string }
  | { readonly ok: false; readonly wrong: string }

/** Reads one bare addr-spec; its domain comes back in ASCII (IDNA), exactly as it will be sent. */
export function readEmailAddress(value: unknown): ReadAddress {
  if (typeof value !== 'string') return no('must be a string')
  if (value === '') return no('must not be empty')
  if (value.length > MAX_ADDRESS) return no(`must be at most ${MAX_ADDRESS} characters`)
  const at = value.lastIndexOf('@')
  if (at < 0) return no('must be an address such as name@example.com')
  const local = value.slice(0, at)
  if (local.length > MAX_LOCAL_PART) return no(`must have at most ${MAX_LOCAL_PART} characters before the @`)
  if (!LOCAL_PART.test(local)) {
    return no('must be one bare address; before the @ only ASCII letters, digits and unquoted signs')
  }
  const written = value.slice(at + 1)
  const domain = WRITTEN_DOMAIN.test(written) ? domainToASCII(written) : ''
  if (!DOMAIN.test(domain)) return no('must have a full domain name after the @')
  const address = `${local}@${domain}`
  if (address.length > MAX_ADDRESS) return no(`must be at most ${MAX_ADDRESS} characters`)
  return { ok: true, address, domain }
}

/** For intake: null when the value can be sent to, else what is wrong with it, without repeating it. */
export function checkEmailAddress(value: unknown): string | null {
  const read = readEmailAddress(value)
  return read.ok ? null : read.wrong
}

const no = (wrong: string): ReadAddress => ({ ok: false, wrong })
