import type { Notification } from '../../model/notification.js'
import { DeliveryFailure, type Receipt } from '../../model/outcome.js'
import type { Sink } from '../../streams/ports.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import { notConfigured } from '../not-configured.js'
import { type AliyunOptions, AliyunSms } from './aliyun.js'
import { Failover, type FailoverOptions } from './failover.js'
import type { Route } from './gate.js'
import { phoneIn } from './phone.js'
import { type TencentOptions, TencentSms } from './tencent.js'

type Bounds = Omit<Route, 'provider'>

export interface SmsOptions extends FailoverOptions {
  /** ISO 3166: of numbers that are not international. */
  readonly defaultCountry: string
  readonly aliyun: (AliyunOptions & Bounds) | null
  readonly tencent: (TencentOptions & Bounds) | null
}

/** Text messages to `metadata.phone`, by whichever of the configured vendors takes them. */
export function createSmsSink(options: SmsOptions, telemetry: Telemetry): Sink {
  const { aliyun, tencent, defaultCountry } = options
  const routes: Route[] = []
  if (aliyun !== null) routes.push({ ...boundsOf(aliyun), provider: new AliyunSms(aliyun) })
  if (tencent !== null) routes.push({ ...boundsOf(tencent), provider: new TencentSms(tencent) })
  if (routes.length === 0) return notConfigured('sms')
  return new SmsSink(new Failover(routes, options, telemetry), defaultCountry)
}

class SmsSink implements Sink {
  readonly #failover: Failover
  readonly #defaultCountry: string

  constructor(failover: Failover, defaultCountry: string) {
    this.#failover = failover
    this.#defaultCountry = defaultCountry
  }

  /** Each vendor has a breaker of its own, within. */
  target(): null {
    return null
  }

  async send(notification: Notification, signal: AbortSignal): Promise<Receipt> {
    const { id, tenantId, metadata, content, vendorText } = notification
    const phone = phoneIn(metadata, this.#defaultCountry)
    if (phone === null) {
      throw new DeliveryFailure('invalid_address', 'metadata.phone is not a number that can be called', {
        retryable: false,
      })
    }
    return this.#failover.send(tenantId, { ...phone, id, text: content, vendorText }, signal)
  }
}

const boundsOf = ({ timeoutMs, slots, tenants }: Bounds): Bounds => ({ timeoutMs, slots, tenants })
