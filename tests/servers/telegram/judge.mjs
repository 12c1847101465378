// Says of each line of JSON {form, data, token, bot} whether others believe it: true or false.
//
// Forms: `init_data` by the token, `third_party` by Telegram's key, `widget` by the token. Age is
// not looked at: the data of a test may be of any year.
import { createInterface } from 'node:readline'
import { isValid, isValid3rd } from '@telegram-apps/init-data-node'
import telegramAuth from '@telegram-auth/server'

const { AuthDataValidator } = telegramAuth
const CENTURY_SECONDS = 100 * 365 * 86_400

const judges = {
  init_data: ({ data, token }) => isValid(data, token, { expiresIn: 0 }),
  third_party: ({ data, bot }) => isValid3rd(data, Number(bot), { expiresIn: 0 }),
  widget: async ({ data, token }) => {
    const validator = new AuthDataValidator({ botToken: token, inValidateDataAfter: CENTURY_SECONDS })
    await validator.validate(new Map(new URLSearchParams(data)))
    return true
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line)
  let believed
  try { believed = await judges[asked.form](asked) } catch { believed = false }
  process.stdout.write(`${JSON.stringify(believed)}\n`)
}
