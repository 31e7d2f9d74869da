import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { retire } from '../../src/api/http/retiring.js'

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

async function ask(socket: Socket): Promise<string> {
  socket.write('GET / HTTP/1.1\r\nHost: here\r\n\r\n')
  let answer = ''
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    answer += chunk
    if (answer.endsWith('served')) break
  }
  return answer
}

t.test('what has a connection is served, and told to take another; nobody gets one any more', async (t) => {
  const server = createServer((_request, response) => response.end('served')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('there is no port')
  const fresh = await connected(address.port)
  const kept = await connected(address.port)
  t.match(await ask(kept), /\r\nConnection: keep-alive\r\n/)

  retire(server)
  for (const socket of [fresh, kept]) {
    const answer = await ask(socket)
    t.match(answer, /^HTTP\/1\.1 200 /)
    t.match(answer, /\r\nconnection: close\r\n/)
    await once(socket, 'close')
  }
  await t.rejects(connected(address.port), { code: 'ECONNREFUSED' })
})
