import { meanings } from './refusal.js'

/**
 * What Tencent Cloud answers instead of `Ok`, for the number or for the call: the codes of its short message
 * API 2021-01-11 and the common ones. A code that is not here is known by what stands before its dot.
 */
export const TENCENT_CODES = meanings({
  throttled: ['LimitExceeded', 'RequestLimitExceeded'],
  invalid_address: ['InvalidParameterValue.IncorrectPhoneNumber', 'MissingParameter.EmptyPhoneNumberSet'],
  // Its owner unsubscribed, or the carrier has it on a list.
  address_refused: ['FailedOperation.PhoneNumberInBlacklist'],
  account_refused: [
    'FailedOperation.InsufficientBalanceInSmsPackage',
    'FailedOperation.SignatureIncorrectOrUnapproved',
    'FailedOperation.MissingSignature',
    'FailedOperation.NotEnterpriseCertification',
    'InvalidParameter.AppidAndBizId',
    'InvalidParameterValue.SdkAppIdNotExist',
    'InternalError.RequestTimeException',
    'InternalError.SigFieldMissing',
    'InternalError.SigVerificationFail',
    'AuthFailure',
    'UnauthorizedOperation',
    'IpInBlacklist',
    'IpNotInWhitelist',
  ],
  template_refused: [
    'FailedOperation.TemplateIncorrectOrUnapproved',
    'InvalidParameterValue.TemplateParameterFormatError',
    'InvalidParameterValue.TemplateParameterLengthLimit',
    'InvalidParameterValue.TemplateWithDirtyWords',
    'InvalidParameterValue.ProhibitedUseUrlInTemplateParameter',
  ],
  rejected: [
    // Not a limit: a country that the application has on a list.
    'LimitExceeded.AppCountryOrRegionInBlacklist',
    'FailedOperation',
    'InternalError.JsonParseFail',
    'InternalError.RestApiInterfaceNotExist',
    'InvalidParameter',
    'InvalidParameterValue',
    'MissingParameter',
    'UnsupportedOperation',
    'UnsupportedRegion',
  ],
  // `Timeout` and `SendAndRecvFail` are theirs towards the carrier.
  unclear: ['InternalError', 'ServiceUnavailable'],
})
