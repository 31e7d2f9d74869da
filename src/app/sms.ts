import type { SmsConfig } from '../config/channels/sms.js'
import type { SmsOptions } from '../sinks/sms/sink.js'

/** The configuration of text messages, as the sink wants it. */
export function smsOptions({
  delivery,
  order,
  orderByCountry,
  switching,
  defaultCountry,
  providers: { aliyun, tencent },
}: SmsConfig): SmsOptions {
  return {
    attemptMs: delivery.timeoutMs,
    order,
    orderByCountry,
    switching,
    defaultCountry,
    aliyun: aliyun && {
      ...aliyun,
      endpoint: new URL(aliyun.endpoint),
      global: aliyun.global && { ...aliyun.global, endpoint: new URL(aliyun.global.endpoint) },
    },
    tencent: tencent && { ...tencent, endpoint: new URL(tencent.endpoint) },
  }
}
