import { type Static, Type } from 'typebox'
import { isPhoneCountry } from '../../model/phone.js'
import { SMS_VENDORS, type SmsVendor } from '../../model/vendor-template.js'
import type { Frozen } from '../frozen.js'
import type { Problem } from '../problem.js'
import { Count, Duration, Formatted, List, ListOf, OptionalText, section, Text } from '../values.js'
import { retryOf, retrySection, Timeout, tenantsOf, usual, usualOf } from './delivery.js'

const SECOND = 1_000
const HOUR = 3_600_000
/** For what is done beside the calls. */
const MARGIN_MS = 2_000

const provider = {
  endpoint: Formatted('web-url'),
  timeout: Timeout,
  slots: Count(1, 10_000),
  tenants: List(),
}

export const smsSchema = section({
  ...usual,
  retry: retrySection,
  default_country: Type.String({ pattern: '^[A-Z]{2}$' }),
  order: ListOf(SMS_VENDORS),
  order_by_country: Type.Optional(
    Type.Record(
      Type.String({ pattern: '^[A-Z]{2}$' }),
      Type.Unsafe<readonly SmsVendor[]>(ListOf(SMS_VENDORS)),
    ),
  ),
  switching: section({
    success_rate: Type.Number({ exclusiveMinimum: 0, maximum: 1 }),
    window: Duration(SECOND, HOUR),
    minimum_calls: Count(1, 1_000_000),
    again_after: Duration(100, HOUR),
  }),
  aliyun: section({
    ...provider,
    access_key_id: OptionalText,
    access_key_secret: OptionalText,
    sign_name: OptionalText,
    template_code: OptionalText,
    content_param: Text,
    global_endpoint: Type.Optional(Formatted('web-url')),
    sender_id: OptionalText,
  }),
  tencent: section({
    ...provider,
    secret_id: OptionalText,
    secret_key: OptionalText,
    app_id: OptionalText,
    sign_name: OptionalText,
    template_id: OptionalText,
    region: Text,
  }),
})

export type SmsConfig = Frozen<ReturnType<typeof smsOf>>

export function smsOf(sms: Static<typeof smsSchema>) {
  const { aliyun, tencent, switching } = sms
  const calls = (vendor: typeof aliyun | typeof tencent) => ({
    endpoint: vendor.endpoint,
    timeoutMs: vendor.timeout,
    slots: vendor.slots,
    /** Null: all. */
    tenants: tenantsOf(vendor.tenants),
  })
  const providers = {
    aliyun:
      aliyun.access_key_id === undefined
        ? null
        : {
            ...calls(aliyun),
            accessKeyId: aliyun.access_key_id,
            accessKeySecret: aliyun.access_key_secret ?? '',
            signName: aliyun.sign_name ?? '',
            /** For texts that have no template of the vendor: one whose only parameter takes the text. */
            templateCode: aliyun.template_code ?? null,
            contentParam: aliyun.content_param,
            /** Null: numbers outside the mainland need a template, too. */
            global:
              aliyun.global_endpoint === undefined
                ? null
                : { endpoint: aliyun.global_endpoint, from: aliyun.sender_id ?? null },
          },
    tencent:
      tencent.secret_id === undefined
        ? null
        : {
            ...calls(tencent),
            secretId: tencent.secret_id,
            secretKey: tencent.secret_key ?? '',
            appId: tencent.app_id ?? '',
            signName: tencent.sign_name ?? '',
            templateId: tencent.template_id ?? null,
            region: tencent.region,
          },
  }
  const configured = SMS_VENDORS.filter((name) => providers[name] !== null)
  const timeoutMs = configured.reduce((sum, name) => sum + (providers[name]?.timeoutMs ?? 0), MARGIN_MS)
  const places = configured.reduce((sum, name) => sum + (providers[name]?.slots ?? 0), 0)
  return {
    ...usualOf(sms),
    /** Without a vendor there is no such channel. */
    enabled: sms.enabled && configured.length > 0,
    /** Each vendor has its own timeout within; what one refuses for certain another is asked at once. */
    delivery: {
      timeoutMs,
      tries: 1,
      /** What no vendor has a slot for waits in the queue. */
      slots: places === 0 ? sms.slots : Math.min(sms.slots, places),
    },
    retry: retryOf(sms),
    /** ISO 3166: of numbers that are not international. */
    defaultCountry: sms.default_country,
    order: sms.order ?? SMS_VENDORS,
    orderByCountry: new Map(Object.entries(sms.order_by_country ?? {})),
    switching: {
      successRate: switching.success_rate,
      windowMs: switching.window,
      minimumCalls: switching.minimum_calls,
      againAfterMs: switching.again_after,
    },
    providers,
    /** Vendors that have the secret of a key, but not its id. */
    withoutId: {
      aliyun: aliyun.access_key_id === undefined && aliyun.access_key_secret !== undefined,
      tencent: tencent.secret_id === undefined && tencent.secret_key !== undefined,
    },
  }
}

export function smsProblems(sms: SmsConfig): readonly Problem[] {
  const { aliyun, tencent } = sms.providers
  const problems: Problem[] = []
  const add = (key: string, message: string) => problems.push({ key: `channels.sms.${key}`, message })
  if (!isPhoneCountry(sms.defaultCountry)) add('default_country', 'must be a country of ISO 3166 such as CN')
  if (aliyun !== null && (aliyun.accessKeySecret === '' || aliyun.signName === '')) {
    add(
      'aliyun',
      'needs access_key_secret and sign_name too (ALIYUN_SMS_ACCESS_KEY_SECRET, ALIYUN_SMS_SIGN_NAME)',
    )
  }
  if (sms.withoutId.aliyun) {
    add('aliyun', 'has an access_key_secret, and needs access_key_id too (ALIYUN_SMS_ACCESS_KEY_ID)')
  }
  if (tencent !== null && (tencent.secretKey === '' || tencent.appId === '' || tencent.signName === '')) {
    add(
      'tencent',
      'needs secret_key, app_id and sign_name too (TENCENT_SMS_SECRET_KEY, TENCENT_SMS_APP_ID, TENCENT_SMS_SIGN_NAME)',
    )
  }
  if (sms.withoutId.tencent) {
    add('tencent', 'has a secret_key, and needs secret_id too (TENCENT_SMS_SECRET_ID)')
  }
  return [...problems, ...orderProblems(sms)]
}

/** What names nobody who could be asked. */
function orderProblems({ providers, order, orderByCountry }: SmsConfig): readonly Problem[] {
  const configured = SMS_VENDORS.filter((name) => providers[name] !== null)
  if (configured.length === 0) return []
  const orders = [
    ['order', order] as const,
    ...[...orderByCountry].map(([country, names]) => [`order_by_country.${country}`, names] as const),
  ]
  return orders
    .filter(([, names]) => !names.some((name) => configured.includes(name)))
    .map(([key]) => ({
      key: `channels.sms.${key}`,
      message: `must name a vendor that has a key: ${configured.join(', ')} (ALIYUN_SMS_ACCESS_KEY_ID, TENCENT_SMS_SECRET_ID)`,
    }))
}
