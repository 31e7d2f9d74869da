import { readFileSync } from 'node:fs'
import type { Server } from '@grpc/grpc-js'
import { fromJSON } from '@grpc/proto-loader'
import { ReflectionService } from '@grpc/reflection'

/** Beside package.json, as seen from src/api/grpc and from dist/api/grpc. Written by scripts/write-descriptors.js. */
const DESCRIPTORS = new URL('../../../proto/descriptors.binpb', import.meta.url)

/** `google.protobuf.FileDescriptorSet`, whose files are left as they are. */
const SET = fromJSON({
  nested: { FileDescriptorSet: { fields: { file: { rule: 'repeated', type: 'bytes', id: 1 } } } },
}).FileDescriptorSet

/** Adds `grpc.reflection.v1` and `v1alpha`, by which clients learn what there is: the service and health. */
export function addReflection(server: Server): void {
  const files = {
    // The kind of thing that they describe is not looked at.
    format: 'Protocol Buffer 3 EnumDescriptorProto',
    type: {},
    fileDescriptorProtos: filesIn(readFileSync(DESCRIPTORS)),
  } as const
  new ReflectionService({ files }).addToServer(server)
}

function filesIn(bytes: Buffer): Buffer[] {
  if (SET === undefined || !('deserialize' in SET) || typeof SET.deserialize !== 'function') {
    throw new Error('descriptor sets cannot be read')
  }
  const { file }: { readonly file?: Buffer[] } = SET.deserialize(bytes)
  return file ?? []
}
