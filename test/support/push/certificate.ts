import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

export interface Certificate {
  readonly key: string
  readonly cert: string
}

/** For the hosts of Google and for this machine, signed by itself, made now and good for a day. */
export async function vendorCertificate(): Promise<Certificate> {
  const names = ['fcm.googleapis.com', 'oauth2.googleapis.com', 'localhost'].map((name) => `DNS:${name}`)
  const { stdout } = await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'],
    ...['-subj', '/CN=vendors of tests', '-addext', `subjectAltName=${names.join(',')},IP:127.0.0.1`],
    ...['-keyout', '-', '-out', '-'],
  ])
  const at = stdout.indexOf('-----BEGIN CERTIFICATE-----')
  return { key: stdout.slice(0, at), cert: stdout.slice(at) }
}
