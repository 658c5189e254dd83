import assert from "node:assert/strict";
import { test } from "node:test";
import { expiryOf, judged, TokenStore, tokenIn } from "../../edge/web/pages/speak/token.js";

/** @param {object} claims */
const token = (claims) => `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.c2ln`;

test("a token is found in a link, behind a hash, and alone", () => {
  for (const text of ["https://a.example/speak#token=a.b.c", "#token=a.b.c", "token=a.b.c", " a.b.\nc "]) {
    assert.equal(tokenIn(text), "a.b.c");
  }
});

test("a link without a token is none", () => {
  for (const text of ["https://a.example/speak", "", "my token, please", "https://a.example/speak#token="]) {
    assert.equal(tokenIn(text), "");
  }
});

test("a token says when it ends, also with letters that are not in base64", () => {
  assert.equal(expiryOf(token({ exp: 1_700_000_000, name: "Ÿ÷¿~~~" })), 1_700_000_000_000);
  for (const odd of [token({}), token({ exp: "soon" }), "a.%%%.c", "nothing"]) assert.equal(expiryOf(odd), undefined);
});

test("a token is judged by what it says itself", () => {
  assert.equal(judged("", 0), "missing");
  assert.equal(judged("e30.e30", 0), "malformed");
  assert.equal(judged(token({ exp: 10 }), 10_000), "expired");
  assert.equal(judged(token({ exp: 10 }), 9_999), "good");
  assert.equal(judged(token({}), 9_999), "good");
});

test("a token leaves the address and the history, and stays in the tab's storage", () => {
  /** @type {Record<string, string>} */
  const kept = {};
  const storage = /** @type {Storage} */ (
    /** @type {unknown} */ ({
      getItem: (/** @type {string} */ key) => kept[key] ?? null,
      setItem: (/** @type {string} */ key, /** @type {string} */ value) => {
        kept[key] = value;
      },
      removeItem: (/** @type {string} */ key) => delete kept[key],
    })
  );
  /** @type {unknown[]} */
  const shown = [];
  const location = /** @type {Location} */ ({ hash: "#token=a.b.c", pathname: "/speak", search: "?x=1" });
  const history = /** @type {History} */ (
    /** @type {unknown} */ ({ state: null, replaceState: (/** @type {unknown[]} */ ...given) => shown.push(given.at(-1)) })
  );
  assert.equal(new TokenStore({ storage, location, history }).token, "a.b.c");
  assert.deepEqual(shown, ["/speak?x=1"]);
  const later = new TokenStore({ storage, location: /** @type {Location} */ ({ ...location, hash: "" }), history });
  assert.equal(later.token, "a.b.c");
  later.forget();
  assert.deepEqual(kept, {});
  assert.equal(shown.length, 1);
});
