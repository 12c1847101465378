// How the page speaks to its server, and to the passkeys of its browser.
import { texts, told } from "./texts.js";

let csrf = "";

export class Refused extends Error {
  constructor(problem) {
    super(told(problem));
    this.code = problem.code;
  }
}

export function keepToken(me) {
  csrf = me.csrf;
  return me;
}

export async function call(method, path, body) {
  const headers = { "content-type": "application/json" };
  if (csrf) headers["x-csrf-token"] = csrf;
  let answer, text;
  try {
    answer = await fetch(`/v1/operator/${path}`, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    text = await answer.text();
  } catch {
    throw new Error(texts.away);
  }
  let found = {};
  try {
    found = text ? JSON.parse(text) : {};
  } catch {
    throw new Error(texts.away);
  }
  if (!answer.ok) throw new Refused(found);
  return found;
}

export const post = (path, body) => call("POST", path, body);

export async function createPasskey(options) {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  return asked(() => navigator.credentials.create({ publicKey }), texts.noNewPasskey);
}

export async function usePasskey(options) {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return asked(() => navigator.credentials.get({ publicKey }), texts.noPasskey);
}

export function hasPasskeys(ways) {
  const able = typeof PublicKeyCredential === "function" && "parseRequestOptionsFromJSON" in PublicKeyCredential;
  return able && ways.passkeyHost === location.hostname;
}

async function asked(ask, otherwise) {
  try {
    return (await ask()).toJSON();
  } catch {
    // What a person broke off and what the browser could not do look alike, so that pages learn nothing.
    throw new Error(otherwise);
  }
}
