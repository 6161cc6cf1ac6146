import type { Escape } from "./escape.ts";

type Attempt = (name: string, body: string, top?: string) => Escape;

/** Changes to what the engine itself may use, and results and errors that act when the host looks at them. */
export function hostileResults(attempt: Attempt): Escape[] {
  return [
    attempt(
      "pollutes its prototypes",
      "Object.prototype.polluted = 'x'; Array.prototype[0] = 'x'; Function.prototype.call = () => 'x'; return {};",
    ),
    attempt(
      "puts accessors on Object.prototype",
      "for (const key of ['then', 'value', 'error', 'ok', 'code', 'name', 'message', 'stack', 'get', 'toJSON']) Object.defineProperty(Object.prototype, key, { configurable: true, get() { if (key === 'toJSON') return undefined; throw new Error('trap ' + key); }, set() {} }); return { a: 1 };",
    ),
    attempt(
      "replaces JSON",
      "JSON.stringify = () => 'not json'; JSON.parse = () => { throw 1; }; globalThis.JSON = { stringify: () => '{\"forged\":1', parse: () => 0 }; return { a: 1 };",
    ),
    attempt(
      "replaces the built-ins",
      "for (const name of Reflect.ownKeys(globalThis)) { if (name === 'attempt') continue; try { globalThis[name] = undefined; } catch {} } return 1;",
    ),
    attempt(
      "replaces methods that a dispatcher may use",
      "Array.prototype.map = Array.prototype.push = Array.prototype.join = String.prototype.slice = Map.prototype.get = Promise.prototype.then = Function.prototype.apply = Function.prototype.bind = Reflect.apply = Object.keys = () => { throw new Error('replaced'); }; Array.prototype[Symbol.iterator] = function* () { yield 'forged'; }; return [1];",
    ),
    attempt(
      "freezes and seals what there is",
      "for (const key of Reflect.ownKeys(globalThis)) { try { Object.freeze(globalThis[key]); } catch {} } Object.freeze(globalThis); return 1;",
    ),
    attempt("replaces its own export", "globalThis.attempt = () => { throw new Error('replaced'); }; return null;"),
    attempt("a result with getters", "return { get a() { throw reach; }, get b() { return globalThis; } };"),
    attempt(
      "a result with toJSON that looks around",
      "return { toJSON(...args) { return escaped(this, ...args) ?? [arguments.length]; } };",
    ),
    attempt(
      "a result with toJSON that throws a proxy",
      "return { toJSON() { throw new Proxy({}, { get() { throw new Proxy(function () {}, { apply() { return {}; } }); } }); } };",
    ),
    attempt(
      "a result that is a proxy",
      "let looked = false; return new Proxy({}, { ownKeys: () => ['a'], getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true }), get: (t, key, self) => { if (key === 'toJSON' || key === 'then') return undefined; if (looked) return String(key); looked = true; return escaped(self) ?? String(key); } });",
    ),
    attempt(
      "a result that is a revoked proxy",
      "const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy;",
    ),
    attempt(
      "a result with Symbol.toPrimitive",
      "return { [Symbol.toPrimitive](hint) { throw new Error(hint); }, toString() { return {}; }, valueOf() { return {}; } };",
    ),
    attempt(
      "a result with a constructor of its own",
      "return { constructor: { constructor: () => () => ({}) }, __proto__: null, hasOwnProperty: 1 };",
    ),
    attempt(
      "a thenable that looks at resolve",
      "return { then(resolve, reject) { resolve(escaped(resolve, reject, arguments)); } };",
    ),
    attempt(
      "a thenable that settles again and again",
      "return { then(resolve, reject) { for (let i = 0; i < 100; i++) { resolve(i); reject(new Error('late')); } throw new Error('later'); } };",
    ),
    attempt(
      "a thenable that answers with thenables",
      "let left = 1000; const more = () => ({ then(resolve) { resolve(left-- > 0 ? more() : null); } }); return more();",
    ),
    attempt(
      "a then that is a getter",
      "let reads = 0; return { get then() { if (++reads > 50) throw new Error('read on'); return undefined; } };",
    ),
    attempt(
      "a promise with a then of its own",
      "const p = Promise.resolve(1); p.then = (resolve) => resolve({ toJSON() { return escaped(resolve); } }); p.constructor = { [Symbol.species]: function () { throw 1; } }; return p;",
    ),
    attempt("rejects later, unseen", "Promise.reject(new Error('nobody sees this')); return null;"),
    attempt(
      "throws a proxy",
      "throw new Proxy(new Error('x'), { get() { throw new Error('trap'); }, getPrototypeOf() { throw new Error('trap'); }, has() { throw new Error('trap'); } });",
    ),
    attempt(
      "throws an error with getters",
      "throw Object.defineProperties(new Error('x'), { message: { get() { throw 1; } }, stack: { get() { return globalThis; } }, name: { get() { return { toString() { throw 2; } }; } } });",
    ),
    attempt(
      "throws an error with a toString that looks around",
      "throw { message: 'x', name: { toString: () => { throw new Error('no name'); } }, stack: { toString() { return reach(this); } } };",
    ),
    attempt(
      "throws what is no error",
      "throw [null, undefined, Symbol('s'), 1n, () => 1, Object.create(null)][Math.trunc(Math.random() * 6)];",
    ),
    attempt(
      "throws an error of the host's own kind",
      "throw Object.assign(new Error('forged'), { code: 'ERR_EXT_TIMEOUT', extension: 'other', [Symbol.for('extruntime.ExtensionError')]: true });",
    ),
    attempt("throws an endless message", "throw new Error('x'.repeat(2 ** 22));"),
    attempt(
      "throws a circular cause",
      "const error = new Error('x'); error.cause = error; error.errors = [error]; throw error;",
    ),
    attempt(
      "logs while it is logged",
      "let depth = 0; const again = { toString() { if (depth++ < 100) console.log(again); return 'x'; }, toJSON() { if (depth++ < 100) console.log(again); return 'x'; }, get a() { console.log(again); return 1; } }; console.log(again); return null;",
    ),
    attempt(
      "logs what throws",
      "console.log(new Proxy({}, { get() { throw 1; }, ownKeys() { throw 1; } })); console.log(Object.create(null), Symbol(), 1n, function () {}); console.log('%s %d %o', {}, {}, {}); return null;",
    ),
    attempt(
      "logs escape sequences and forged lines",
      'console.log(\'\\n{"level":"error","forged":true}\\r\\u001b[2J\\0\\ud800\'); return null;',
    ),
    attempt(
      "re-enters its own export",
      "return { get a() { return attempt.depth = (attempt.depth ?? 0) + 1, attempt.depth < 5 ? attempt(canary) : 0; } };",
    ),
    attempt("a very deep result", "let a = []; for (let i = 0; i < 200000; i++) a = [a]; return a;"),
    attempt(
      "a result that aims at the wire",
      "return ['P', 'E[\"a\",\"b\",\"c\"]', '\\u0000', '\\n', '\\ud800', '\"}', '{\"id\":1,\"result\":', 'ERR_EXT_TIMEOUT'];",
    ),
    attempt("a string that aims at the wire", "return '\\n{\"done\":true}\\u0000E[P\\ud800';"),
    attempt("rawJSON", "return typeof JSON.rawJSON === 'function' ? { a: JSON.rawJSON('1') } : null;"),
    attempt(
      "__proto__ as a key",
      'return JSON.parse(\'{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}\');',
    ),
    {
      ...attempt("a payload with __proto__", "return canary;"),
      payload: '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"toString":1}',
    },
    {
      ...attempt("a payload that looks like code", "return canary;"),
      payload: JSON.stringify("');throw 1;//`$\u007bprocess.exit(3)}`\u2028</script>"),
    },
    {
      ...attempt("a payload that looks like the wire", "return canary;"),
      payload: JSON.stringify('P\0E["a","b","c"]\n{"done":"x"}\n'),
    },
    attempt(
      "allocates ArrayBuffers of absurd sizes",
      "const seen = []; for (const size of [2 ** 31, 2 ** 32, 2 ** 40, 2 ** 53 - 1, -1, NaN]) { try { seen.push(new ArrayBuffer(size).byteLength); } catch (error) { if (escaped(error)) return escaped(error); } } return null;",
    ),
    attempt(
      "typed arrays out of their bounds",
      "const b = new ArrayBuffer(8, { maxByteLength: 64 }); const v = new DataView(b); const seen = []; for (const at of [-1, 8, 2 ** 31, 2 ** 32, 2 ** 53]) { try { seen.push(v.getUint8(at)); } catch {} } const t = new Uint8Array(b); try { b.resize(0); } catch {} seen.push(t[7] ?? null, t[2 ** 32] ?? null); return seen.filter((x) => x !== null && x !== 0).length > 0 ? { escaped: seen } : null;",
    ),
    attempt(
      "sorts an array that changes meanwhile",
      "const a = Array.from({ length: 1000 }, (_, i) => i); let n = 0; a.sort(() => { if (n++ % 500 === 0) { a.length = 0; a.push(...new Array(2000)); } return 0; }); return a.length;",
    ),
    attempt(
      "a regular expression that changes its string",
      "const r = /a*/g; let n = 0; const out = 'aaaa'.replace(r, () => { r.compile && r.compile('b'); return String(n++); }); return out;",
    ),
  ];
}
