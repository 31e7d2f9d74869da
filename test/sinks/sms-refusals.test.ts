import t from 'tap'
import { ALIYUN_CODES } from '../../src/sinks/sms/aliyun-codes.js'
import { TENCENT_CODES } from '../../src/sinks/sms/tencent-codes.js'
import { aMessage, failureOf, NEVER, VENDORS } from '../support/sms/vendors.js'
import { recordedTelemetry } from '../support/telemetry.js'

const MEANS = {
  throttled: { code: 'throttled', retryable: true, uncertain: false },
  invalid_address: { code: 'invalid_address', retryable: false, uncertain: false },
  address_refused: { code: 'address_refused', retryable: false, uncertain: false },
  account_refused: { code: 'account_refused', retryable: true, uncertain: false },
  template_refused: { code: 'template_refused', retryable: false, uncertain: false },
  rejected: { code: 'rejected', retryable: false, uncertain: false },
  unclear: { code: 'unavailable', retryable: false, uncertain: true },
} as const

/** Those that matter most, as the vendors document them; the tables have all. */
const DOCUMENTED = {
  aliyun: {
    'isv.BUSINESS_LIMIT_CONTROL': 'throttled',
    'isv.DAY_LIMIT_CONTROL': 'throttled',
    'Throttling.User': 'throttled',
    'isv.MOBILE_NUMBER_ILLEGAL': 'invalid_address',
    'isv.AMOUNT_NOT_ENOUGH': 'account_refused',
    'isv.OUT_OF_SERVICE': 'account_refused',
    'isv.SMS_SIGNATURE_ILLEGAL': 'account_refused',
    'isp.RAM_PERMISSION_DENY': 'account_refused',
    'InvalidAccessKeyId.NotFound': 'account_refused',
    'InvalidTimeStamp.Expired': 'account_refused',
    'isv.SMS_TEMPLATE_ILLEGAL': 'template_refused',
    'isv.TEMPLATE_MISSING_PARAMETERS': 'template_refused',
    'isv.BLACK_KEY_CONTROL_LIMIT': 'template_refused',
    'isv.INVALID_PARAMETERS': 'rejected',
    'isv.SMS_CONTENT_ILLEGAL': 'rejected',
    'isv.CUSTOMER_REFUSED': 'address_refused',
    'isp.SYSTEM_ERROR': 'unclear',
    SYSTEM_ERROR: 'unclear',
    ONLINE_BILLING_FAILED: 'unclear',
    SignatureNonceUsed: 'unclear',
    QPS_LIMIT_CONTROL: 'throttled',
    MOBILE_NUMBER_ILLEGAL: 'invalid_address',
    OUT_OF_SERVICE: 'account_refused',
    AMOUNT_NOT_ENOUGH: 'account_refused',
    RAM_PERMISSION_DENY: 'account_refused',
    PRODUCT_NOT_SUBSCRIBED: 'account_refused',
    ACCOUNT_ILLEGAL: 'account_refused',
    SMS_SECURITY_INTERCEPTED: 'rejected',
    InternalError: 'unclear',
    ServiceUnavailable: 'unclear',
    'isp.GATEWAY_ERROR': 'unclear',
    'isv.NOBODY_KNOWS_THIS': 'rejected',
    toString: 'rejected',
  },
  tencent: {
    'LimitExceeded.PhoneNumberDailyLimit': 'throttled',
    'LimitExceeded.DeliveryFrequencyLimit': 'throttled',
    'LimitExceeded.AppCountryOrRegionInBlacklist': 'rejected',
    'RequestLimitExceeded.IPLimitExceeded': 'throttled',
    'InvalidParameterValue.IncorrectPhoneNumber': 'invalid_address',
    'FailedOperation.PhoneNumberInBlacklist': 'address_refused',
    'FailedOperation.InsufficientBalanceInSmsPackage': 'account_refused',
    'UnauthorizedOperation.SerivceSuspendDueToArrears': 'account_refused',
    'FailedOperation.SignatureIncorrectOrUnapproved': 'account_refused',
    'AuthFailure.SecretIdNotFound': 'account_refused',
    'InternalError.RequestTimeException': 'account_refused',
    'FailedOperation.TemplateIncorrectOrUnapproved': 'template_refused',
    'InvalidParameterValue.TemplateParameterFormatError': 'template_refused',
    'FailedOperation.ContainSensitiveWord': 'rejected',
    'UnsupportedOperation.UnsuportedRegion': 'rejected',
    'InternalError.Timeout': 'unclear',
    'InternalError.SendAndRecvFail': 'unclear',
    InternalError: 'unclear',
    'Nobody.KnowsThis': 'rejected',
  },
} as const

const TABLES = { aliyun: ALIYUN_CODES, tencent: TENCENT_CODES } as const

for (const name of ['aliyun', 'tencent'] as const) {
  t.test(`what ${name} refuses`, async (t) => {
    let code = ''
    const { vendor, provider } = await VENDORS[name](t, () => ({ code }))
    const { log, lines } = recordedTelemetry()
    for (const [given, meaning] of [...TABLES[name], ...Object.entries(DOCUMENTED[name])] as const) {
      code = given
      const failure = await failureOf(provider.send(aMessage(), NEVER))
      t.match(failure, { ...MEANS[meaning], provider: name }, `${code} is ${meaning}`)
      t.ok(failure.message.endsWith(`(${code})`), failure.message)
      log.event('notification.failed', { err: failure })
    }
    t.equal(vendor.connections, vendor.messages.length, 'nothing is asked twice')
    t.notMatch(
      JSON.stringify(lines),
      /13800138000|1234|LTAI|AKID/,
      'neither numbers nor texts nor keys are logged',
    )
  })

  t.test(`${name} says more than a code`, async (t) => {
    const { provider } = await VENDORS[name](t, () => ({ code: 'no <b>+8613800138000</b>' }))
    const failure = await failureOf(provider.send(aMessage(), NEVER))
    t.match(failure, { ...MEANS.rejected, message: `${name} refused it (a code of another form)` })
  })
}
