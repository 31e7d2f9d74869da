import { Type } from 'typebox'
import { UserId } from './text.js'

export const UserParams = Type.Object({ user_id: UserId })

export const UnreadCountAnswer = Type.Object({ user_id: Type.String(), unread_count: Type.Integer() })

export const ReadAllAnswer = Type.Object({
  updated: Type.Integer({ description: 'How many were unread.' }),
})

export const EraseAnswer = Type.Object({
  user_id: Type.String(),
  erased: Type.Integer(),
  remaining: Type.Integer(),
})
