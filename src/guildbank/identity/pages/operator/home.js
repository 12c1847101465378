// Shows an operator who signed in who they are here, with their second factors and sessions.
import { call, createPasskey, hasPasskeys, keepToken, post, usePasskey } from "./calls.js";
import { locale, texts } from "./texts.js";
import { at, on, say, show, showApp, working } from "./view.js";

const SHOWN = { dateStyle: "medium", timeStyle: "short" };
let me, ways;

const when = (text) => new Date(text).toLocaleString(locale, SHOWN);

export async function goHome(who, known) {
  [me, ways] = [who, known];
  show("home", [me.operator.name, me.operator.address]);
  const facts = [
    [texts.place, me.tenant ?? texts.deployment],
    [texts.roles, me.operator.roles.join(", ")],
  ];
  at("who").replaceChildren(...facts.flatMap(([name, value]) => [made("dt", name), made("dd", value)]));
  at("again-address").value = me.operator.address;
  at("add-passkey").hidden = !hasPasskeys(ways);
  at("link-studio").hidden = !ways.studio || me.studio;
  at("step-up-studio").hidden = !me.studio;
  at("step-up-code").hidden = me.studio;
  at("step-up").hidden = true;
  await Promise.all([showFactors(), showSessions()]);
}

function made(tag, text) {
  const one = document.createElement(tag);
  one.textContent = text;
  return one;
}

function row(text, more, ...deeds) {
  const line = document.createElement("li");
  const words = line.appendChild(made("span", text));
  if (more) words.appendChild(made("small", more));
  const buttons = line.appendChild(document.createElement("div"));
  for (const [name, work] of deeds) {
    const button = buttons.appendChild(made("button", name));
    button.type = "button";
    button.className = "row";
    button.onclick = () => doing(work);
  }
  return line;
}

// What is dangerous wants a fresh proof: then the ways to give one are shown.
async function doing(work) {
  const error = await working(work);
  if (error?.code !== "step_up_required") return;
  say("");
  at("step-up").hidden = false;
  at("step-up-passkey").hidden = !me.factors.passkeys || !hasPasskeys(ways);
  at("step-up").scrollIntoView({ block: "center" });
}

async function showFactors() {
  const { items } = await call("GET", "passkeys");
  const app = me.factors.app
    ? row(texts.app, "", [texts.replace, replaceApp], [texts.remove, removeApp])
    : row(texts.noApp, "", [texts.setUp, replaceApp]);
  const passkeys = items.map((one) => {
    const used = one.lastUsedAt ? texts.seen(when(one.lastUsedAt)) : texts.added(when(one.createdAt));
    const path = `passkeys/${one.id}`;
    return row(one.name, one.usable ? used : texts.lost,
      [texts.rename, () => rename(path, one.name)],
      [texts.remove, () => changed(call("DELETE", path))]);
  });
  const codes = row(texts.recovery, texts.left(me.factors.recoveryCodes), [texts.renew, renewCodes]);
  at("factors").replaceChildren(app, ...passkeys, codes);
}

async function showSessions() {
  const { items } = await call("GET", "sessions");
  at("sessions").replaceChildren(...items.map((one) => one.current
    ? row(one.device, `${texts.here}, ${texts.seen(when(one.seenAt))}`)
    : row(one.device, texts.seen(when(one.seenAt)), [texts.end, () => changed(call("DELETE", `sessions/${one.id}`))])));
}

async function changed(change) {
  await change;
  await goHome(keepToken(await call("GET", "me")), ways);
  say(texts.done);
}

async function rename(path, before) {
  const name = prompt(texts.newName, before)?.trim();
  if (name) await changed(call("PATCH", path, { name }));
}

async function replaceApp() {
  const app = await post("app");
  showApp(app, "new-");
  at("new-app").hidden = false;
  at("new-code").focus();
}

const removeApp = () => changed(call("DELETE", "app"));

async function renewCodes() {
  await showCodes((await post("recovery-codes")).codes);
}

async function showCodes(codes) {
  at("list").replaceChildren(...codes.map((code) => {
    const line = document.createElement("li");
    line.appendChild(made("code", code));
    return line;
  }));
  at("kept").onclick = () => working(() => changed(Promise.resolve()));
  show("codes");
}

async function fresh(answer) {
  await goHome(keepToken(await answer), ways);
  say(texts.done);
}

export function prepareHome() {
  at("add-passkey").onsubmit = (event) => {
    event.preventDefault();
    const name = at("passkey-name").value.trim();
    doing(async () => {
      const { options } = await post("passkeys/options");
      const added = await post("passkeys", { credential: await createPasskey(options), name });
      event.target.reset();
      await (added.recoveryCodes.length ? showCodes(added.recoveryCodes) : changed(Promise.resolve()));
    });
  };
  at("new-app").onsubmit = (event) => {
    event.preventDefault();
    doing(async () => {
      const { codes } = await post("app/confirm", { code: at("new-code").value });
      event.target.reset();
      event.target.hidden = true;
      await showCodes(codes);
    });
  };
  on("step-up-code", (of) => fresh(post("step-up", of)));
  at("step-up-passkey").onclick = () => working(async () => {
    const { options } = await post("step-up/passkey/options");
    await fresh(post("step-up/passkey", { credential: await usePasskey(options) }));
  });
  at("step-up-studio").onclick = () => working(async () => {
    const place = me.tenant === null ? { deployment: true } : { tenant: me.tenant };
    location.assign((await post("studio/begin", { ...place, anew: true })).url);
  });
  at("link-studio").onclick = () => doing(async () => {
    if (confirm(texts.sureLink)) location.assign((await post("studio/link")).url);
  });
  at("sign-out").onclick = () => working(async () => {
    await post("sign-out");
    location.assign(me.tenant === null ? "/operator?deployment=true" : `/operator?tenant=${me.tenant}`);
  });
}
