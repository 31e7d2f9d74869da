// Writes what reflection answers from: what protobufjs makes of a .proto file lacks imports, map entries and
// optional fields.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'

const BUF = new URL('../node_modules/.bin/buf', import.meta.url).pathname
const ROOT = new URL('../', import.meta.url)

const [, , target = 'dist/descriptors.binpb'] = process.argv
// Two descriptor sets, one after the other, are one with the files of both.
const described = ['proto', 'node_modules/grpc-health-check/proto'].map((folder) =>
  execFileSync(BUF, ['build', folder, '--as-file-descriptor-set', '-o', '-#format=binpb'], { cwd: ROOT }),
)
writeFileSync(target, Buffer.concat(described))
