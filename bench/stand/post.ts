import { Agent, request } from 'undici'

const agent = new Agent({ connections: 4, headersTimeout: 30_000, bodyTimeout: 30_000 })

const ACCEPTED = [200, 201, 202]

/** Posts JSON and resolves to the answer; rejects unless it was accepted. */
export async function post(url: string, path: string, token: string, body: string): Promise<unknown> {
  const answer = await request(url + path, {
    dispatcher: agent,
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body,
  })
  if (ACCEPTED.includes(answer.statusCode)) return answer.body.json()
  throw new Error(`${path} answered ${answer.statusCode}: ${await answer.body.text()}`)
}
