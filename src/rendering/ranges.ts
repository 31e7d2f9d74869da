import { type Context, Expression, Token, Tokenizer, TokenKind, toValue, type ValueToken } from 'liquidjs'
import { BadArgument } from './bad-argument.js'

/**
 * liquidjs limits a range by the difference of its ends. Beyond 2^53 adding one changes nothing, so that
 * `(100000000000000000..100000000000000016)` grows for ever, until V8 ends the whole process, thread or not.
 */
class SafeEnd extends Expression {
  override *evaluate(context: Context, lenient?: boolean): Generator<unknown, unknown, unknown> {
    const end = yield* super.evaluate(context, lenient)
    if (Math.abs(Number(toValue(end))) > Number.MAX_SAFE_INTEGER) {
      throw new BadArgument('the ends of a range must be smaller than 2^53')
    }
    return end
  }
}

class RangeEnd extends Token {
  readonly initial: Expression
  readonly filters = []

  constructor(end: ValueToken) {
    super(TokenKind.FilteredValue, end.input, end.begin, end.end, end.file)
    this.initial = new SafeEnd([end])
  }
}

const { readGroupOrRange } = Tokenizer.prototype

Tokenizer.prototype.readGroupOrRange = function (this: Tokenizer) {
  const read = readGroupOrRange.call(this)
  if (read && 'lhs' in read) {
    read.lhs = new RangeEnd(read.lhs)
    read.rhs = new RangeEnd(read.rhs)
  }
  return read
}
