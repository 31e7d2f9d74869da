import type { Server, ServerDuplexStream, UntypedHandleCall } from '@grpc/grpc-js'
import { fromJSON } from '@grpc/proto-loader'
import { ReflectionService } from '@grpc/reflection'

/** `google.protobuf.FileDescriptorSet`, whose files are left as they are. */
const SET = fromJSON({
  nested: { FileDescriptorSet: { fields: { file: { rule: 'repeated', type: 'bytes', id: 1 } } } },
}).FileDescriptorSet

/**
 * Adds `grpc.reflection.v1` and `v1alpha`, by which clients learn what there is: the service and health.
 * @param descriptors a `google.protobuf.FileDescriptorSet`
 */
export function addReflection(server: Server, descriptors: Buffer): void {
  const files = {
    // The kind of thing that they describe is not looked at.
    format: 'Protocol Buffer 3 EnumDescriptorProto',
    type: {},
    fileDescriptorProtos: filesIn(descriptors),
  } as const
  new ReflectionService({ files }).addToServer({
    addService: (definition, { ServerReflectionInfo: answer }) => {
      if (answer !== undefined) server.addService(definition, { ServerReflectionInfo: patient(answer) })
    },
  })
}

/** The library answers without waiting for anybody to read it, and an answer has a thousand times the size of its question. */
function patient(answer: UntypedHandleCall): UntypedHandleCall {
  return (call: ServerDuplexStream<object, object>): void => {
    Reflect.apply(answer, undefined, [call])
    call.on('data', () => {
      if (!call.writableNeedDrain) return
      call.pause()
      call.once('drain', () => call.resume())
    })
  }
}

function filesIn(bytes: Buffer): Buffer[] {
  if (SET === undefined || !('deserialize' in SET) || typeof SET.deserialize !== 'function') {
    throw new Error('descriptor sets cannot be read')
  }
  const { file }: { readonly file?: Buffer[] } = SET.deserialize(bytes)
  return file ?? []
}
