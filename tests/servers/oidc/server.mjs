// Runs oidc-provider on a free loopback port, prints its issuer, and ends with its parent.
//
// Clients: `game` (confidential), `phone` (public), `other` (somebody else's application). PKCE is
// demanded of all. Accounts need no password: who signs in as NAME is NAME. An argument is a further
// address to which people may be sent back.
import { createServer } from 'node:http'
import { Provider } from 'oidc-provider'

const back = ['https://game.example/back', ...process.argv.slice(2)]
const grants = { redirect_uris: back, grant_types: ['authorization_code'], response_types: ['code'] }

const configuration = {
  clients: [
    { client_id: 'game', client_secret: 'a secret/with+signs that must be escaped', ...grants },
    { client_id: 'phone', token_endpoint_auth_method: 'none', ...grants },
    { client_id: 'other', client_secret: 'the secret of another application', ...grants },
  ],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'locale'] },
  cookies: { keys: ['a key for tests'] },
  pkce: { required: () => true },
  ttl: { Session: 600, Interaction: 600, Grant: 600, AccessToken: 600, IdToken: 600 },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({
      sub: id, email: `${id}@example.com`, email_verified: id !== 'mallory', name: `The ${id}`, locale: 'en',
    }),
  }),
}

// It warns of keys and interactions that are for development, which is what this is.
console.warn = console.info = () => {}

process.stdin.on('end', () => process.exit(0)).resume()

const server = createServer()
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`
  server.on('request', new Provider(issuer, configuration).callback())
  process.stdout.write(`${issuer}\n`)
})
