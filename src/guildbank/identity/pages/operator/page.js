// Lets operators in: by a link that they were sent, by password and second factor, by a passkey, or
// through their studio. Opening a link changes nothing; only a button does.
import { createPasskey, hasPasskeys, keepToken, post, call, usePasskey } from "./calls.js";
import { goHome, prepareHome } from "./home.js";
import { locale, texts, told } from "./texts.js";
import { at, on, say, show, showApp, working } from "./view.js";

const asked = new URLSearchParams(location.search);
const borne = new URLSearchParams(location.hash.slice(1));
// Neither the history nor a picture of the screen gets to know a token.
history.replaceState(null, "", location.pathname + location.search);

const place = { tenant: asked.get("tenant") ?? undefined, deployment: asked.get("deployment") === "true" };
let ways = { passkeyHost: null, studio: false, url: location.origin };
let challenge = "";

document.documentElement.lang = locale;
for (const one of document.querySelectorAll("[data-t]")) one.textContent = texts[one.dataset.t];
prepareHome();

async function came(me) {
  keepToken(me);
  // From here on this is the page of who is signed in, also when it is loaded again.
  history.replaceState(null, "", "/operator");
  Object.assign(place, { tenant: me.tenant ?? undefined, deployment: me.tenant === null });
  ways = await findWays();
  if (!me.recoveryCodes.length) return goHome(me, ways);
  at("list").replaceChildren(...me.recoveryCodes.map((code) => {
    const line = document.createElement("li");
    line.appendChild(document.createElement("code")).textContent = code;
    return line;
  }));
  at("kept").onclick = () => working(() => goHome(me, ways));
  show("codes");
}

function goOn(half) {
  challenge = half.challenge;
  const passkeys = half.methods.includes("passkey") && hasPasskeys(ways);
  if (half.step === "enrol") {
    if (!passkeys) return setUpApp();
    return show("choose");
  }
  at("use-passkey").hidden = !passkeys;
  at("code").hidden = !half.methods.includes("totp") && !half.methods.includes("recovery_code");
  show("factor");
}

async function setUpApp() {
  const app = await post("sessions/enrol", { challenge });
  showApp(app);
  show("confirm");
}

async function offerWays() {
  ways = await findWays();
  if (ways === null) return show("place");
  at("by-passkey").hidden = !hasPasskeys(ways);
  at("by-studio").hidden = !ways.studio || new URL(ways.url).hostname !== location.hostname;
  at("elsewhere").hidden = !ownHost();
  at("or").hidden = at("by-passkey").hidden && at("by-studio").hidden;
  show("sign-in", [texts.titles["sign-in"][0], ways.tenant ?? texts.deployment]);
  if (!ownHost()) say(texts.elsewhere(ways.url));
}

// On the machine itself the server has several names.
function ownHost() {
  const own = new URL(ways.url).hostname;
  return [own, ways.passkeyHost].includes(location.hostname);
}

async function findWays() {
  const query = new URLSearchParams();
  if (place.tenant) query.set("tenant", place.tenant);
  if (place.deployment) query.set("deployment", "true");
  try {
    return await call("GET", `ways?${query}`);
  } catch (error) {
    if (error.code === "tenant_required") return null;
    throw error;
  }
}

async function openLink(opens) {
  const token = borne.get("token");
  if (!token) return end(texts.linkPartial, texts.linkPartialMore);
  let link;
  try {
    link = await post("links", { token, opens });
  } catch (error) {
    if (!error.code?.endsWith("_ended")) throw error;
    return end(texts.linkEnded, error.message);
  }
  Object.assign(place, { tenant: link.tenant ?? undefined, deployment: link.tenant === null });
  ways = await findWays();
  if (link.comesInBy === "studio") return offerStudio(token, link);
  const form = opens === "invitation" ? "accept" : "reset";
  const field = at(form).elements.address;
  field.value = link.address ?? "";
  field.readOnly = link.address !== null;
  const whom = [link.tenant ?? texts.deployment, link.roles.join(", ")];
  show(form, opens === "invitation" ? [texts.titles.accept[0], texts.asRoles(...whom)] : undefined);
  on("accept", async (of) => {
    const address = link.address === null ? of.address : undefined;
    goOn(await post("invitations/accept", { token, name: of.name, password: of.password, address }));
  });
  on("reset", async (of) => {
    await post("password/reset", { token, password: of.password });
    end(texts.passwordSet, texts.passwordSetMore);
  });
}

// From here there is one way on, to where everybody signs in.
function end(title, lead) {
  const query = place.deployment ? "?deployment=true" : place.tenant ? `?tenant=${place.tenant}` : "";
  at("to-sign-in").href = `/operator${query}`;
  show("end", [title, lead]);
}

function offerStudio(token, link) {
  show("accept-studio", [texts.titles.accept[0], texts.asRoles(link.tenant ?? texts.deployment, link.roles.join(", "))]);
  at("accept-hint").textContent = texts.acceptHint(link.address);
  at("to-accept").onclick = () => working(async () => {
    location.assign((await post("invitations/accept/studio", { token })).url);
  });
}

on("place", async (of) => {
  place.tenant = of.tenant.trim().toLowerCase();
  await offerWays();
});
on("password", async (of) => goOn(await post("sessions", { ...place, ...of })));
on("forgot", async (of) => {
  await post("password/forgot", { ...place, ...of });
  show("sign-in");
  say(texts.mailed);
});
on("confirm", async (of) => came(await post("sessions/confirm", { challenge, ...of })));
on("code", async (of) => came(await post("sessions/finish", { challenge, ...of })));
at("to-place").onclick = () => {
  at("from-place").hidden = false;
  show("place");
};
for (const one of document.querySelectorAll(".back")) one.onclick = () => working(offerWays);
at("to-forgot").onclick = () => show("forgot");
at("choose-app").onclick = () => working(setUpApp);
at("choose-passkey").onclick = () => working(async () => {
  const { options } = await post("sessions/enrol/passkey", { challenge });
  const credential = await createPasskey(options);
  await came(await post("sessions/confirm/passkey", { challenge, credential, name: navigator.platform || "Passkey" }));
});
async function byPasskey(half) {
  const { options } = await post("sessions/passkey/options", half);
  await came(await post("sessions/passkey", { ...half, credential: await usePasskey(options) }));
}
at("use-passkey").onclick = () => working(() => byPasskey({ challenge }));
at("by-passkey").onclick = () => working(() => byPasskey({}));
at("by-studio").onclick = () => working(async () => {
  location.assign((await post("studio/begin", place)).url);
});

async function begin() {
  if (location.pathname.endsWith("/accept")) return openLink("invitation");
  if (location.pathname.endsWith("/reset")) return openLink("reset");
  if (borne.has("challenge")) {
    // Whose it is, is known only at the end; where passkeys work is the same for all.
    ways = await call("GET", "ways?deployment=true");
    const methods = borne.get("methods").split(" ");
    return goOn({ challenge: borne.get("challenge"), step: borne.get("step"), methods });
  }
  let me = null;
  try {
    me = await call("GET", "me");
  } catch (error) {
    if (error.code === undefined) throw error;
  }
  await (me === null ? offerWays() : came(me));
  if (borne.has("problem")) say(told({ code: borne.get("problem") }), true);
}

working(begin);
