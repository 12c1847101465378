"use strict";
// The page that a mailed link opens. Opening it changes nothing: programs that look through mail
// follow links too. Only the button sends the token on.
const TEXTS = {
  en: {
    "/confirm-email": ["Confirm your address", "The address is yours once you confirm it.", "Confirm"],
    "/change-email": ["Use this address", "Your account uses this address once you confirm it.", "Use this address"],
    "/undo-email": ["Take the change back", "Your account gets its former address back, and all devices are signed out. Choose a new password next.", "Take the change back"],
    "/reset-password": ["Choose a new password", "At least 8 characters, such as a few unrelated words. All devices are signed out.", "Set the password"],
    password: "New password",
    done: "Done. You can close this page.",
    away: "The server did not answer. Try again.",
    empty: "This link is not complete. Open it from the message again.",
    // What the server says is English already.
    refused: {},
  },
  ru: {
    "/confirm-email": ["Подтвердите адрес", "Адрес станет вашим, когда вы его подтвердите.", "Подтвердить"],
    "/change-email": ["Новый адрес", "Учётная запись перейдёт на этот адрес, когда вы его подтвердите.", "Использовать этот адрес"],
    "/undo-email": ["Отменить смену адреса", "Учётной записи вернётся прежний адрес, все устройства выйдут из неё. Затем выберите новый пароль.", "Отменить смену"],
    "/reset-password": ["Выберите новый пароль", "Не меньше 8 знаков, например несколько не связанных слов. Все устройства выйдут из учётной записи.", "Сохранить пароль"],
    password: "Новый пароль",
    done: "Готово. Страницу можно закрыть.",
    away: "Сервер не ответил. Попробуйте ещё раз.",
    empty: "Ссылка неполная. Откройте её из письма ещё раз.",
    refused: {
      ticket_not_valid: "Ссылка уже использована, устарела или заменена новой. Запросите другую.",
      email_taken: "Этот адрес тем временем подтвердили для другой учётной записи.",
      weak_password: "Этот пароль легко угадать. Возьмите длиннее, например несколько не связанных слов.",
      out_of_range: "В пароле должно быть от 8 до 256 знаков.",
      rate_limited: "Слишком много попыток. Подождите немного и попробуйте ещё раз.",
    },
  },
};
const CALLS = {
  "/confirm-email": "/v1/account/email/confirm",
  "/change-email": "/v1/account/email/change",
  "/undo-email": "/v1/account/email/undo",
  "/reset-password": "/v1/account/password/reset",
};

const locale = navigator.language.toLowerCase().startsWith("ru") ? "ru" : "en";
const texts = TEXTS[locale];
const path = location.pathname;
const token = new URLSearchParams(location.search).get("token");
// Neither the history nor what is opened next gets to know the token.
history.replaceState(null, "", path);

const at = (id) => document.getElementById(id);
const [title, lead, action] = texts[path];
document.documentElement.lang = locale;
document.title = title;
at("title").textContent = title;
at("lead").textContent = lead;
at("send").textContent = action;
at("password-label").textContent = texts.password;
at("password-part").hidden = path !== "/reset-password";
at("password").required = path === "/reset-password";

function say(text, bad) {
  at("status").textContent = text;
  at("status").className = bad ? "bad" : "";
}

if (!token) {
  at("send").disabled = true;
  say(texts.empty, true);
}

at("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  at("send").disabled = true;
  const body = path === "/reset-password" ? { token, password: at("password").value } : { token };
  try {
    const answer = await fetch(CALLS[path], {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (answer.ok) {
      at("form").hidden = true;
      say(texts.done, false);
      return;
    }
    const problem = await answer.json();
    say(texts.refused[problem.code] ?? problem.detail, true);
  } catch {
    say(texts.away, true);
  }
  at("send").disabled = false;
});
