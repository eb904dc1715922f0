// Takes the token from the address, where no server and no log sees it, and asks for the cookie.

function given() {
  return new URLSearchParams(location.hash.slice(1)).get("token");
}

async function signIn(token) {
  document.getElementById("wrong").hidden = true;
  history.replaceState(null, "", location.pathname + location.search);
  const answer = await fetch("/session", { method: "POST", body: new URLSearchParams({ token }), redirect: "manual" });
  if (answer.type === "opaqueredirect") {
    location.reload();
  } else {
    document.getElementById("wrong").hidden = false;
  }
}

// Whoever comes by a link from elsewhere, as in an alert, brings no cookie along; asked from here, the browser has it.
async function comeIn() {
  const answer = await fetch("/keys", { method: "HEAD" });
  if (answer.ok) location.replace(location.href);
}

// To paste an address that differs in the token alone loads no page.
addEventListener("hashchange", () => {
  if (given() !== null) signIn(given());
});
if (given() === null) comeIn();
else signIn(given());
