import type { Test } from 'tap'
import { DeliveryFailure } from '../../../src/model/outcome.js'
import { type AliyunOptions, AliyunSms } from '../../../src/sinks/sms/aliyun.js'
import type { SmsProvider, TextMessage } from '../../../src/sinks/sms/provider.js'
import { type TencentOptions, TencentSms } from '../../../src/sinks/sms/tencent.js'
import { ALIYUN_KEY, aliyunProtocol } from './aliyun.js'
import { VENDOR_CERT } from './certificate.js'
import { type Behaviour, StandIn, toThisMachine } from './stand-in.js'
import { TENCENT_KEY, tencentProtocol } from './tencent.js'

type Behave = (time: number) => Behaviour

export const MOBILE = '+8613800138000'

export const aMessage = (changes: Partial<TextMessage> = {}): TextMessage => ({
  id: 'notif_01957a3c-0000-7000-8000-000000000001',
  number: MOBILE,
  country: 'CN',
  text: '您的验证码是 1234 (5 分钟)',
  vendorText: null,
  ...changes,
})

/** Reached through the real SDK, over TLS. */
export interface Reached {
  readonly vendor: StandIn
  readonly provider: SmsProvider
}

const trusted = { ca: VENDOR_CERT, lookup: toThisMachine }

export function aliyunAt(port: number, changes: Partial<AliyunOptions> = {}): AliyunOptions {
  return {
    ...trusted,
    ...ALIYUN_KEY,
    endpoint: new URL(`https://dysmsapi.test:${port}`),
    signName: '示例',
    timeoutMs: 60_000,
    templateCode: 'SMS_1',
    contentParam: 'content',
    global: null,
    ...changes,
  }
}

export function tencentAt(port: number, changes: Partial<TencentOptions> = {}): TencentOptions {
  return {
    ...trusted,
    ...TENCENT_KEY,
    endpoint: new URL(`https://sms.tencentcloudapi.test:${port}`),
    appId: '1400006666',
    signName: '示例',
    templateId: '449739',
    region: 'ap-guangzhou',
    ...changes,
  }
}

export async function startAliyun(
  t: Pick<Test, 'teardown'>,
  behave?: Behave,
  changes: Partial<AliyunOptions> = {},
): Promise<Reached> {
  const vendor = await StandIn.start(t, aliyunProtocol(), behave)
  return { vendor, provider: new AliyunSms(aliyunAt(vendor.port, changes)) }
}

export async function startTencent(
  t: Pick<Test, 'teardown'>,
  behave?: Behave,
  changes: Partial<TencentOptions> = {},
): Promise<Reached> {
  const vendor = await StandIn.start(t, tencentProtocol(), behave)
  return { vendor, provider: new TencentSms(tencentAt(vendor.port, changes)) }
}

export const VENDORS = { aliyun: startAliyun, tencent: startTencent } as const

/** What a send was refused with; throws when it was not. */
export async function failureOf(sending: Promise<unknown>): Promise<DeliveryFailure> {
  const error = await sending.then(
    () => new Error('it was sent'),
    (thrown: unknown) => thrown,
  )
  if (error instanceof DeliveryFailure) return error
  throw error
}

export const NEVER = new AbortController().signal
