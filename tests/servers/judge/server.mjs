// The server of docs/ask-your-own-server.md in JavaScript, which prints its address and ends with
// its parent.
import { createServer } from 'node:http'
import { Webhook } from 'standardwebhooks'

const webhook = new Webhook(process.env.SECRET)

function judge(purchase) {
  if (purchase.coins > 5000) {
    return { veto: { code: 'vault_full', detail: 'Your vault is too full for this pack.' } }
  }
  return { allow: true, annotations: { guild: 'north' } }
}

const server = createServer(async (request, response) => {
  const parts = []
  for await (const part of request) parts.push(part)
  try {
    const question = webhook.verify(Buffer.concat(parts), request.headers)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(judge(question.data)))
  } catch {
    response.writeHead(401).end()
  }
})

server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/may-buy`))
process.stdin.on('end', () => process.exit()).resume()
