import { userId, userToken } from '../stand/token.js'
import { type OnFrame, SocketClient } from './socket-client.js'

const AT_ONCE = 50

/** A socket for each of the users from `first` on. */
export async function openSockets(
  url: URL,
  first: number,
  count: number,
  onFrame: OnFrame,
): Promise<readonly SocketClient[]> {
  const clients: SocketClient[] = []
  let next = first
  const openSome = async (): Promise<void> => {
    while (next < first + count) {
      const user = next++
      clients.push(await SocketClient.open(url, await userToken(userId(user)), onFrame))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, openSome))
  return clients
}
