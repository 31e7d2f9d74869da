import type { Failure } from '../model/failure.js'
import type { Telemetry } from '../telemetry/telemetry.js'
import type { CallerLimits } from './auth/caller-limit.js'
import type {
  Authenticator,
  Broadcaster,
  Dependency,
  Intake,
  Jobs,
  Notifications,
  PersonalData,
  Stats,
} from './ports.js'
import type { MessageRules } from './requests/message.js'

/** Everything the HTTP server needs from the rest. */
export interface ServerOptions {
  readonly intake: Intake
  readonly notifications: Notifications
  readonly jobs: Jobs
  readonly stats: Stats
  readonly personalData: PersonalData
  readonly broadcaster: Broadcaster
  readonly authenticator: Authenticator
  readonly dependencies: readonly Dependency[]
  readonly telemetry: Telemetry
  readonly rules: MessageRules
  readonly limits: CallerLimits
  /** Why nothing more may be submitted now; null while there is room. Asked once a request. */
  readonly admission: () => Failure | null
  /** Turns `/ready` to 503, so that a load balancer goes elsewhere while requests are still answered. */
  readonly isShuttingDown: () => boolean
  /** For the OpenAPI document. */
  readonly version: string
}
