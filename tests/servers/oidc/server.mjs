// Runs oidc-provider on a free loopback port, prints its issuer, and ends with its parent.
//
// Clients: `game` (confidential), `phone` (public), `other` (somebody else's application). PKCE is
// demanded of all. Accounts need no password: who signs in as NAME is NAME. An argument is a further
// address to which people may be sent back. A line of JSON on stdin says more of a person: `name`,
// claims such as `groups`, and `amr` of how they sign in; a line comes back when it is known.
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { Provider } from 'oidc-provider'

const back = ['https://game.example/back', ...process.argv.slice(2)]
const grants = { redirect_uris: back, grant_types: ['authorization_code'], response_types: ['code'] }

const told = new Map()

const configuration = {
  clients: [
    { client_id: 'game', client_secret: 'a secret/with+signs that must be escaped', ...grants },
    { client_id: 'phone', token_endpoint_auth_method: 'none', ...grants },
    { client_id: 'other', client_secret: 'the secret of another application', ...grants },
  ],
  claims: {
    openid: ['sub', 'amr'], email: ['email', 'email_verified'], profile: ['name', 'locale'], groups: ['groups'],
  },
  cookies: { keys: ['a key for tests'] },
  pkce: { required: () => true },
  ttl: { Session: 600, Interaction: 600, Grant: 600, AccessToken: 600, IdToken: 600 },
  findAccount: (context, id) => {
    const { amr, ...more } = told.get(id) ?? {}
    if (context.oidc.session) context.oidc.session.amr = amr
    return {
      accountId: id,
      claims: () => ({
        sub: id, email: `${id}@example.com`, email_verified: id !== 'mallory', name: `The ${id}`, locale: 'en', ...more,
      }),
    }
  },
}

// It warns of keys and interactions that are for development, which is what this is.
console.warn = console.info = () => {}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const { name, ...more } = JSON.parse(line)
    told.set(name, more)
    process.stdout.write('known\n')
  })
  .on('close', () => process.exit(0))

const server = createServer()
server.listen(0, '127.0.0.1', () => {
  // Another name than the server under test has makes it another site to a browser.
  const issuer = `http://${process.env.OIDC_HOST ?? '127.0.0.1'}:${server.address().port}`
  server.on('request', new Provider(issuer, configuration).callback())
  process.stdout.write(`${issuer}\n`)
})
