// Shows one part of the page at a time, and what went wrong.
import { texts } from "./texts.js";

const PARTS = ["place", "sign-in", "forgot", "accept", "accept-studio", "reset", "choose", "confirm", "factor", "codes", "end", "home"];

export const at = (id) => document.getElementById(id);

export function say(text, bad = false) {
  at("status").textContent = text;
  at("status").className = bad ? "bad" : "";
}

export function show(part, [title, lead] = texts.titles[part]) {
  for (const one of PARTS) at(one).hidden = one !== part;
  at("title").textContent = title;
  at("lead").textContent = lead;
  document.title = `${title} · Guildbank`;
  document.querySelector("main").className = part === "home" ? "wide" : "";
  say("");
  at(part).querySelector("input:not([readonly]), button:not([hidden])")?.focus();
}

// What an authenticator app is set up with: for its camera, for this device, and to be typed.
export function showApp(app, prefix = "") {
  const picture = new DOMParser().parseFromString(app.qr, "text/html").querySelector("svg");
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", texts.appPicture);
  at(`${prefix}qr`).replaceChildren(picture);
  at(`${prefix}secret`).textContent = app.secret;
  at(`${prefix}uri`).href = app.uri;
}

// Does what a press asked for; until that is done no second press is taken.
export async function working(work) {
  const buttons = [...document.querySelectorAll("button:not(:disabled)")];
  for (const one of buttons) one.disabled = true;
  say("");
  try {
    await work();
  } catch (error) {
    say(error.message, true);
    return error;
  } finally {
    for (const one of buttons) one.disabled = false;
  }
  return null;
}

export function on(id, work) {
  at(id).onsubmit = (event) => {
    event.preventDefault();
    const of = Object.fromEntries([...new FormData(event.target)].filter(([, value]) => value !== ""));
    working(() => work(of));
  };
}
