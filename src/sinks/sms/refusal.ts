import { DeliveryFailure, type DeliveryFailureCode } from '../../model/outcome.js'

/** What a vendor's code means. `unclear`: the vendor itself cannot say whether it has taken the message. */
const MEANINGS = [
  'throttled',
  'invalid_address',
  'address_refused',
  'account_refused',
  'template_refused',
  'rejected',
  'unclear',
] as const
export type Meaning = (typeof MEANINGS)[number]

/** By code, with or without `isv.` or `isp.`, or by what stands before its first dot. */
export type Meanings = ReadonlyMap<string, Meaning>

/** The table of a vendor: the codes of each meaning. */
export const meanings = (codes: Readonly<Partial<Record<Meaning, readonly string[]>>>): Meanings =>
  new Map(MEANINGS.flatMap((meaning) => (codes[meaning] ?? []).map((code) => [code, meaning] as const)))

/** What may be otherwise in a minute: a limit, an account that somebody tops up. */
const RETRYABLE: ReadonlySet<DeliveryFailureCode> = new Set(['throttled', 'account_refused'])

/** Aliyun's, for what its customer or itself is at fault. */
const PREFIX = /^is[vp]\./

/** Of the form of a code, so that nothing else that a vendor says gets into a message. */
const CODE = /^[A-Za-z][\w.:-]{0,79}$/

/**
 * The failure that a vendor's code stands for. A code that is in no table is a refusal all the same, unless
 * the answer's status speaks of a fault over there.
 */
export function refusal(
  provider: string,
  code: string,
  table: Meanings,
  status: number | null = null,
): DeliveryFailure {
  const unknown = status !== null && status >= 500 ? 'unclear' : 'rejected'
  const [family = ''] = code.split('.', 1)
  const meaning = table.get(code) ?? table.get(code.replace(PREFIX, '')) ?? table.get(family) ?? unknown
  const shown = CODE.test(code) ? code : 'a code of another form'
  if (meaning === 'unclear') {
    return new DeliveryFailure('unavailable', `${provider} cannot say whether it took it (${shown})`, {
      retryable: true,
      uncertain: true,
      provider,
    })
  }
  return new DeliveryFailure(meaning, `${provider} refused it (${shown})`, {
    retryable: RETRYABLE.has(meaning),
    provider,
  })
}

export const noTemplate = (provider: string): DeliveryFailure =>
  new DeliveryFailure('template_refused', `no template code for ${provider}`, { retryable: false, provider })
