// A host whose guest tells the time and the language: run by locale.test.ts, with TZ, LANG and the like set, in a process of its own.
//
//   node locale-child.mjs <package> <options of each runtime as JSON> [<time zone that the host sets before it makes them>]
const [, , name, options, zone] = process.argv;
if (zone !== undefined) process.env.TZ = zone;

const SCRIPT = `
const tell = () => {
  const [winter, summer] = [new Date(0), new Date(2e11)];
  const of = (date) => [String(date), date.getHours(), date.getTimezoneOffset(), date.toLocaleString(), date.toLocaleDateString()];
  const intl = typeof Intl === "object" ? [Intl.DateTimeFormat().resolvedOptions(), new Intl.NumberFormat().format(1234.5), "ä,z".split(",").sort(new Intl.Collator().compare)] : [];
  return [of(winter), of(summer), new Date(1990, 6, 1, 12).getTime(), Date.parse("2020-02-03T04:05:06"), (1234.5).toLocaleString(), "I".toLocaleLowerCase(), intl];
};
`;
const PYTHON = `
import time, datetime, locale, sys, os
def tell(value):
    one = [time.strftime("%c %Z", time.localtime(t)) for t in (0, 2e11 // 1000)]
    two = [time.tzname, time.timezone, datetime.datetime.fromtimestamp(0).isoformat(), str(datetime.datetime.fromtimestamp(0).astimezone())]
    three = [locale.getlocale(), locale.getpreferredencoding(), sys.getfilesystemencoding(), sys.getdefaultencoding(), sys.stdout.encoding]
    try: four = locale.setlocale(locale.LC_ALL, "")
    except locale.Error as error: four = str(error)
    return [one, two, three, four, os.environ.get("LANG")]
`;
const guests = {
  extruntime: ["native", "guest.mjs", `${SCRIPT}export { tell };`],
  quickjs: ["quickjs", "guest.js", SCRIPT.replace("const tell", "globalThis.tell")],
  v8: ["v8", "guest.js", SCRIPT.replace("const tell", "globalThis.tell")],
  pyvm: ["pyvm", "guest.py", PYTHON],
};
const [engine, module, source] = guests[name];
const { [engine]: make } = await import(new URL(`../../../${name}/dist/index.js`, import.meta.url).href);
const told = [];
for (const each of JSON.parse(options)) {
  const runtime = make(each);
  const guest = await runtime.load({
    manifest: { name: "guest", runtime: engine, module, exports: ["tell"] },
    files: { [module]: source },
  });
  told.push(await guest.call("tell"));
  await runtime.close();
}
console.log(JSON.stringify(told));
