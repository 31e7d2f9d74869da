import { request as requestPlain } from 'node:http'
import { request as requestTls } from 'node:https'
import type { Socket } from 'node:net'

/** An error with a code that is fit for a message. */
export const coded = (code: string, message: string): Error => Object.assign(new Error(message), { code })

/**
 * Opens a way to `host:port` through an HTTP proxy (RFC 9110 §9.3.6, CONNECT).
 * @param proxy may hold a user name and password
 * @param done called once
 */
export function openTunnel(
  proxy: URL,
  target: { readonly host: string; readonly port: number },
  timeoutMs: number,
  done: (error: Error | null, socket: Socket | null) => void,
): void {
  const authority = `${target.host}:${target.port}`
  const request = (proxy.protocol === 'https:' ? requestTls : requestPlain)({
    method: 'CONNECT',
    host: proxy.hostname.replace(/^\[|\]$/g, ''),
    port: proxy.port === '' ? (proxy.protocol === 'https:' ? 443 : 80) : Number(proxy.port),
    path: authority,
    headers: { host: authority, ...authorization(proxy) },
    agent: false,
  })
  let settled = false
  const settle = (error: Error | null, socket: Socket | null = null): void => {
    clearTimeout(timer)
    if (settled) return
    settled = true
    done(error, socket)
  }
  const timer = setTimeout(
    () => request.destroy(coded('PROXY_TIMEOUT', 'the proxy does not answer')),
    timeoutMs,
  )
  request.once('connect', ({ statusCode }, socket) => {
    if (statusCode === 200) return settle(null, socket)
    socket.destroy()
    settle(coded('PROXY_REFUSED', `the proxy answered ${statusCode}`))
  })
  request.once('response', (answer) => {
    answer.destroy()
    settle(coded('PROXY_REFUSED', `the proxy answered ${answer.statusCode}`))
  })
  request.on('error', (error) => settle(error))
  request.end()
}

function authorization({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {}
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { 'proxy-authorization': `Basic ${Buffer.from(login).toString('base64')}` }
}
