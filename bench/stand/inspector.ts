import { once } from 'node:events'
import { WebSocket } from 'ws'

/** Collects the garbage of another Node process, so that what it then holds is what it needs. */
export async function collectGarbage(inspector: string): Promise<void> {
  const socket = new WebSocket(inspector)
  await once(socket, 'open')
  for (const id of [1, 2]) {
    socket.send(JSON.stringify({ id, method: 'HeapProfiler.collectGarbage' }))
    await once(socket, 'message')
  }
  socket.close()
}
