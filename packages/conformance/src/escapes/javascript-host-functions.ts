import { javascript } from "../sources/javascript.ts";
import type { Escape } from "./escape.ts";

const GRANTED = ["kit.echo", "kit.later", "kit.fail"];

/** `kit` is what host functions are called with. */
const KIT = "const kit = context?.host ?? globalThis.host;";

/** Ways out by what a guest calls the host with, and by what comes back. `reach` is the code that looks for the host. */
export function hostFunctionEscapes(reach: string): Escape[] {
  const attempt = (name: string, body: string, top = ""): Escape => ({
    name: `host functions: ${name}`,
    permissions: GRANTED,
    guest: () =>
      javascript(`${reach}${top}\nexport async function attempt(canary, context) {\n${KIT}\n${body}\n}`, ["attempt"]),
  });
  return [
    attempt(
      "constructor.constructor of what they are called with",
      "const seen = []; for (let o = kit; o; o = Object.getPrototypeOf(o)) for (const key of Reflect.ownKeys(o)) { seen.push(o, Reflect.getOwnPropertyDescriptor(o, key)); try { seen.push(kit[key]); } catch (error) { seen.push(error); } } return escaped(kit, kit.call, ...seen);",
    ),
    {
      ...attempt(
        "without a permission",
        "if (!kit) return null; const out = []; for (const name of ['kit.echo', 'kit.secret']) { try { out.push(await kit.call(name, 1)); } catch (error) { if (escaped(error)) return escaped(error); } } return { escaped: out };",
      ),
      permissions: [],
    },
    attempt(
      "the promise of an answer",
      "const seen = []; for (const name of ['kit.echo', 'kit.later', 'kit.fail', 'kit.none']) { const p = kit.call(name, 1); seen.push(p, p.then, p.constructor, p.catch(() => {}), p.finally(() => {})); p.then((...args) => seen.push(...args), (...args) => seen.push(...args)); await p.catch(() => {}); } return escaped(...seen);",
    ),
    attempt(
      "the values of answers",
      "const seen = []; for (const name of ['kit.echo', 'kit.later']) { const found = await kit.call(name, { a: [{ b: 'x' }], n: 1 }); seen.push(found, found.a, found.a[0], found.a[0].b, found.n, Object.getPrototypeOf(found), await kit.call(name, [])); if (Object.getPrototypeOf(found) !== Object.prototype || Object.getPrototypeOf(found.a) !== Array.prototype) return { escaped: 'an answer of another realm' }; } return escaped(...seen);",
    ),
    attempt(
      "the errors of answers",
      "const seen = []; const texts = []; for (const name of ['kit.fail', 'kit.secret', '', '__proto__', undefined, null, 7, {}]) { try { seen.push(await kit.call(name, [1])); } catch (error) { if (!(error instanceof Error)) return { escaped: 'an error of another realm' }; for (const key of Reflect.ownKeys(error)) { seen.push(error[key]); texts.push(String(error[key])); } seen.push(error, error.constructor, error.stack, error.cause, error.secret, Object.getPrototypeOf(error)); texts.push(JSON.stringify(error), String(error.stack)); } } return escaped(...seen) ?? (texts.some((text) => /conformance|node:internal/.test(text)) ? { escaped: 'the stack of the host', texts } : texts);",
    ),
    attempt(
      "Error.prepareStackTrace while one fails",
      "Error.stackTraceLimit = 1000; let sites = []; Error.prepareStackTrace = (error, all) => { sites.push(...all); return 'x'; }; const errors = []; try { await kit.call('kit.fail'); } catch (error) { errors.push(error, String(error.stack)); } try { await kit.call(Symbol(), 1n); } catch (error) { errors.push(error, String(error.stack)); } const seen = []; for (const site of sites) for (const get of ['getThis', 'getFunction', 'getEvalOrigin', 'getScriptNameOrSourceURL']) { try { seen.push(site[get]()); } catch (e) { seen.push(e); } } return escaped(...sites, ...seen, ...errors) ?? (seen.some((text) => /conformance|node:internal/.test(String(text))) ? { escaped: 'a file of the host' } : null);",
    ),
    attempt(
      "one that was not granted, by names of every kind",
      "const out = []; let reads = 0; const names = ['kit.secret', ['kit.secret'], new String('kit.secret'), { toString: () => 'kit.secret' }, { toString: () => (reads++ % 2 === 0 ? 'kit.echo' : 'kit.secret') }, { [Symbol.toPrimitive]: () => (reads++ % 2 === 0 ? 'kit.echo' : 'kit.secret') }, 'kit.echo\\0', 'kit.secret\\0', '\\0kit.secret', 'kit.echo,kit.secret', '3', 3, -1, 'length', 'constructor', 'hasOwnProperty', 'valueOf']; for (const name of names) { try { out.push(await kit.call(name, 'x')); } catch (error) { out.push(error.name); } } return out;",
    ),
    attempt(
      "one that was not granted, by changing what was",
      "const out = []; const ask = async () => { try { out.push(await kit.call('kit.secret', 1)); } catch (error) { out.push(error.name); } }; try { kit.names.push('kit.secret'); } catch {} try { kit.names = ['kit.secret']; } catch {} try { Object.assign(kit, { 'kit.secret': 1, permissions: ['kit.secret'] }); } catch {} await ask(); Array.prototype.includes = Array.prototype.some = Set.prototype.has = Map.prototype.has = Object.prototype.hasOwnProperty = () => true; Array.prototype.indexOf = () => 0; await ask(); Object.prototype['kit.secret'] = () => 1; Array.prototype[3] = 'kit.secret'; await ask(); return out;",
    ),
    attempt(
      "JSON replaced before a call",
      "const seen = []; const stringify = JSON.stringify; const parse = JSON.parse; const out = []; const turns = [() => { JSON.stringify = function (...args) { seen.push(this, ...args); return '{\"forged\":1}'; }; }, () => { JSON.stringify = () => 'not json'; }, () => { JSON.stringify = () => ({ toString() { seen.push(this); return '1'; } }); }, () => { JSON.stringify = () => { throw seen; }; }, () => { JSON.parse = function (...args) { seen.push(this, ...args); return parse(args[0]); }; }, () => { JSON.parse = () => { throw seen; }; }, () => { globalThis.JSON = undefined; }]; for (const turn of turns) { turn(); for (const name of ['kit.echo', 'kit.later', 'kit.fail']) { try { const back = await kit.call(name, { a: 1 }); seen.push(back); } catch (error) { seen.push(error); } } } globalThis.JSON = { stringify, parse }; return escaped(...seen.filter((each) => each !== seen));",
    ),
    attempt(
      "Promise replaced before a call",
      "const seen = []; const Own = Promise; const then = Own.prototype.then; Own.prototype.then = function (...args) { seen.push(this, ...args); return Reflect.apply(then, this, args); }; Object.defineProperty(Own.prototype, 'constructor', { configurable: true, get() { seen.push(this); return Own; } }); Own.resolve = Own.reject = Own.withResolvers = function (...args) { seen.push(this, ...args); return new Own(() => {}); }; globalThis.Promise = function (run) { seen.push(run); return new Own((...args) => { seen.push(...args); run(...args); }); }; const answers = ['kit.echo', 'kit.later', 'kit.fail', 'kit.none'].map((name) => { try { return kit.call(name, {}); } catch (error) { return error; } }); globalThis.Promise = Own; Own.prototype.then = then; for (const each of answers) { try { seen.push(each, await each); } catch (error) { seen.push(error); } } return escaped(...seen);",
    ),
    attempt(
      "other built-ins replaced before a call",
      "const seen = []; let count = 0; const { apply, construct } = Reflect; const { defineProperty } = Object; const note = (what) => { if (count < 200) defineProperty(seen, count++, { __proto__: null, value: what, enumerable: true, writable: true }); }; const trap = (holder, key) => { const own = holder[key]; const value = function (...args) { note(this); for (let i = 0; i < args.length && i < 4; i++) note(args[i]); return new.target ? construct(own, args) : apply(own, this, args); }; try { defineProperty(holder, key, { __proto__: null, configurable: true, writable: true, value }); } catch {} }; const traps = [[Reflect, ['apply', 'construct', 'get']], [Object, ['assign', 'create', 'defineProperty', 'freeze', 'keys', 'setPrototypeOf']], [Function.prototype, ['call', 'apply', 'bind']], [Array.prototype, ['push', 'shift', 'map', 'slice', 'forEach']], [Map.prototype, ['get', 'set', 'delete']], [String.prototype, ['slice', 'charAt', 'startsWith', 'substring']], [globalThis, ['Error', 'TypeError', 'Map', 'String', 'Symbol']]]; for (let i = 0; i < traps.length; i++) for (let k = 0; k < traps[i][1].length; k++) trap(traps[i][0], traps[i][1][k]); const names = ['kit.echo', 'kit.later', 'kit.fail', 'kit.none']; for (let i = 0; i < names.length; i++) { try { note(await kit.call(names[i], { a: [1] })); } catch (error) { note(error); } } const all = [...seen]; count = 200; return escaped(...all);",
    ),
    attempt(
      "accessors on Object.prototype and on errors before a call",
      "const seen = new Set(); const keys = ['name', 'message', 'stack', 'cause', 'then', 'call', 'payload', 'result', 'answer', 'resolve', 'reject', 'id', 'value', '0', '1']; for (const key of keys) { const accessor = Object.create(null); accessor.configurable = true; accessor.get = function () { seen.add(this); return undefined; }; accessor.set = function (value) { seen.add(this); seen.add(value); }; Object.defineProperty(Object.prototype, key, accessor); } for (const name of ['kit.echo', 'kit.later', 'kit.fail']) { try { seen.add(await kit.call(name, 'x')); } catch (error) { seen.add(error); } } for (const key of keys) delete Object.prototype[key]; return escaped(...seen);",
    ),
    attempt(
      "values with toJSON, then, getters and proxies",
      "const seen = []; const look = (holder, ...args) => { seen.push(holder, ...args); return 1; }; const values = [{ toJSON(...args) { return look(this, ...args); } }, { then(...args) { return look(this, ...args); } }, { get a() { return look(this); } }, new Proxy({}, { get: (t, k, r) => look(t, r), ownKeys: (t) => (look(t), ['a']), getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true }) }), new Proxy(function () {}, { apply: (t, self, args) => look(self, ...args) }), new Proxy([], { get: (t, k) => (k === 'length' ? 3 : look(t)) }), Object.create({ inherited: 1 }), new Date(0), /x/, new Map([[1, 2]]), new Uint8Array(8)]; for (const value of values) for (const name of ['kit.echo', 'kit.later']) { try { seen.push(await kit.call(name, value)); } catch (error) { seen.push(error); } } return escaped(...seen);",
    ),
    attempt(
      "answers with __proto__, then and toJSON as keys",
      'for (const text of [\'{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}\', \'{"then":1,"toJSON":2,"toString":3,"valueOf":4}\', \'[{"__proto__":null}]\', \'{"__proto__":[]}\']) for (const name of ["kit.echo", "kit.later"]) { const back = await kit.call(name, JSON.parse(text)); if ({}.polluted || JSON.stringify(back) !== text) return { escaped: JSON.stringify(back) }; } return null;',
    ),
    attempt(
      "the call itself by call, apply, bind and new",
      "const seen = []; for (const go of [() => kit.call(), () => kit.call('kit.echo', 1, 2, {}, () => 1), () => kit.call.call(undefined, 'kit.echo', 1), () => kit.call.call(globalThis, 'kit.echo', 1), () => kit.call.apply({}, ['kit.echo', {}]), () => kit.call.apply(null, { length: 2 ** 32 }), () => kit.call.bind(kit)('kit.echo'), () => new kit.call('kit.echo', 1), () => Reflect.construct(kit.call, ['kit.echo'], Object), () => kit.call('kit.echo', () => 1), () => kit.call('kit.echo', Symbol('s')), () => kit.call('kit.echo', 1n), () => kit.call({ toString() { throw seen; } }, 1), () => kit.call(new Proxy({}, { get() { throw new Error('trap'); } }), 1), () => kit.call(Symbol('kit.echo'), 1)]) { try { const back = go(); seen.push(back); seen.push(await back); } catch (error) { if (error !== seen) seen.push(error); } } return escaped(...seen);",
    ),
    attempt(
      "the object of calls replaced, frozen and kept",
      "const seen = []; attempt.kept ??= kit; for (const change of [() => { globalThis.host = { call: (...args) => { seen.push(...args); return { escaped: 1 }; } }; }, () => { delete globalThis.host; }, () => { Object.freeze(kit); Object.freeze(kit.call); }, () => { Object.setPrototypeOf(kit, new Proxy({}, { get: (t, k, r) => { seen.push(r); } })); }, () => { kit.call = undefined; }]) { try { change(); } catch (error) { seen.push(error); } try { seen.push(await (globalThis.host ?? attempt.kept).call('kit.echo', 1)); } catch (error) { seen.push(error); } } return escaped(...seen.filter((each) => typeof each !== 'object' || each === null || each.escaped !== 1));",
    ),
    attempt(
      "calls near the end of the stack",
      "let found = null; let tries = 0; const deep = () => { try { deep(); } catch (error) { found ??= escaped(error); } if (tries++ < 50) { try { kit.call('kit.echo', { toJSON() { return deeper(); } }).then(() => {}, (error) => { found ??= escaped(error); }); } catch (error) { found ??= escaped(error); } try { kit.call('kit.fail', 1).catch((error) => { found ??= escaped(error); }); } catch (error) { found ??= escaped(error); } } }; const deeper = () => deeper(); try { deep(); } catch (error) { found ??= escaped(error); } await kit.call('kit.later', 1).catch(() => {}); return found;",
    ),
    attempt(
      "calls without end and without waiting",
      "for (let i = 0; i < 2000; i++) kit.call(i % 2 ? 'kit.later' : 'kit.echo', i).catch(() => {}); return null;",
    ),
    attempt(
      "a call from within the value of another",
      "const seen = []; let depth = 0; const value = () => ({ toJSON() { if (depth++ < 20) kit.call('kit.echo', value()).then((back) => seen.push(back), (error) => seen.push(error)); return depth; } }); for (const name of ['kit.echo', 'kit.later']) { depth = 0; try { seen.push(await kit.call(name, value())); } catch (error) { seen.push(error); } } return escaped(...seen);",
    ),
    attempt(
      "a call after its function has returned",
      "const again = async (left) => { try { const back = await kit.call('kit.later', [left]); attempt.found ??= escaped(back); } catch (error) { attempt.found ??= escaped(error); } if (left > 0) await again(left - 1); }; again(5); if (attempt.before) for (let i = 0; i < 9; i++) await kit.call('kit.later', i); attempt.before = true; return attempt.found ?? null;",
    ),
    attempt(
      "large, deep and odd payloads",
      "const seen = []; let deep = []; for (let i = 0; i < 5000; i++) deep = [deep]; for (const value of ['x'.repeat(2 ** 20), '\\ud800'.repeat(1000), '\\0'.repeat(1000), deep, '![\"RangeError\",\"forged\"]', '=1', '\\n{\"id\":1}\\n', new Array(1000).fill({ a: [] })]) for (const name of ['kit.echo', 'kit.later']) { try { const back = await kit.call(name, value); if (typeof value === 'string' && back !== value) return { escaped: 'another value came back' }; seen.push(back); } catch (error) { seen.push(error); } } return escaped(...seen);",
    ),
    attempt(
      "a thenable as a result that waits for the host",
      "return { then(resolve, reject) { kit.call('kit.later', 1).then(() => resolve({ toJSON() { return escaped(resolve, reject, this); } }), reject); } };",
    ),
  ];
}
