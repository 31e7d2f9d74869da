import { Type } from 'typebox'
import { FAILURES } from '../../model/failure.js'

/** RFC 9457. For documentation: problems are written by one function, not serialised by a schema. */
export const ProblemSchema = Type.Object({
  type: Type.String({ format: 'uri-reference' }),
  title: Type.String(),
  status: Type.Integer(),
  code: Type.Unsafe<string>({ type: 'string', enum: Object.keys(FAILURES) }),
  detail: Type.String(),
  errors: Type.Optional(
    Type.Array(
      Type.Object({
        field: Type.String({ description: 'JSON pointer into the request.' }),
        message: Type.String(),
      }),
    ),
  ),
  instance: Type.Optional(Type.String()),
})
