// Opens the sealed file of its first argument with the key that it reads from its input.
import { readFileSync } from 'node:fs'
import { Decrypter } from 'age-encryption'

const decrypter = new Decrypter()
decrypter.addIdentity(readFileSync(0, 'utf8').trim())
process.stdout.write(await decrypter.decrypt(readFileSync(process.argv[2])))
