import type { Module } from "extruntime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cpython, load, numpyFolder, smallPackages, testIf } from "./guest.ts";

const numpy = numpyFolder();
// Both of numpy and orjson are for the main interpreter.
const python = {
  interpreter: "shared",
  json: "extended",
  path: [numpy, smallPackages].filter((path) => path !== undefined),
} as const;

const SOURCE = `
import collections, dataclasses, datetime, decimal, enum, typing, uuid
Color = enum.Enum("Color", {"RED": "red", "PAIR": (1, 2)})
class Level(enum.IntEnum):
    HIGH = 3
class Flag(enum.Flag):
    A = 1
class Text(str): pass
class Whole(int): pass
class Real(float): pass
class Record(dict): pass
class Rows(list): pass
Point = collections.namedtuple("Point", "x y")
@dataclasses.dataclass
class Item:
    name: str
    _hidden: int = 1
    shared: typing.ClassVar[int] = 5
    made: datetime.date = datetime.date(2020, 1, 2)
    parts: list = dataclasses.field(default_factory=list)
@dataclasses.dataclass
class Slotted:
    __slots__ = ("a",)
    a: int
class Money:
    def __json__(self): return {"cents": Whole(5)}
class Itself:
    def __json__(self): return self
class Fails:
    def __json__(self): raise ValueError("not today")
class Model:  # as those of pydantic 2
    def model_dump(self, mode): return {"mode": mode, "when": "2020-01-02"}
class BaseModel:  # as those of pydantic 1
    def dict(self): return {"when": datetime.date(2020, 1, 2)}
BaseModel.__module__ = "pydantic.main"
class Old(BaseModel): pass
class Unknown: pass
class Growing(dict):
    """Changed while it is written."""
def grow():
    rows = {}
    class Adds:
        def __json__(self):
            for number in range(1000): rows[number] = [number]
            rows.pop("first", None)
            return 1
    rows.update(first=Adds(), second=[2])
    return rows
utc = datetime.timezone.utc
hour = datetime.timezone(datetime.timedelta(hours=1))
${numpy === undefined ? "" : "import numpy"}
scope = globals()
def ours(code): return eval(code, scope)
def theirs(code):
    import orjson
    return orjson.dumps(eval(code, scope), option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS).decode()
def __json__(value):
    if isinstance(value, set): return sorted(value)
    if isinstance(value, complex): return [value.real, value.imag]
    if isinstance(value, bytes): return value.hex()
    raise TypeError(f"the extension does not know {type(value).__name__}")
`;

let module: Module;
beforeAll(async () => {
  module = await load(SOURCE, { exports: ["ours", "theirs"], manifest: { python }, limits: { maxInstances: 1 } });
});
afterAll(() => module.close());

const ours = (code: string) => module.call("ours", code);

/** What orjson writes too, without help. */
const AS_ORJSON: [string, unknown][] = [
  ["datetime.datetime(2020, 1, 2, 3, 4, 5)", "2020-01-02T03:04:05"],
  ["datetime.datetime(2020, 1, 2, 3, 4, 5, 60, tzinfo=utc)", "2020-01-02T03:04:05.000060+00:00"],
  ["datetime.datetime(1, 1, 1, tzinfo=hour)", "0001-01-01T00:00:00+01:00"],
  [
    "[datetime.date(2020, 1, 2), datetime.time(3, 4), datetime.time(3, 4, 5, 6)]",
    ["2020-01-02", "03:04:00", "03:04:05.000006"],
  ],
  ["uuid.UUID(int=5)", "00000000-0000-0000-0000-000000000005"],
  ["[Color.RED, Color.PAIR, Level.HIGH]", ["red", [1, 2], 3]],
  ["[Text('é'), Whole(5), Record(a=[1]), Rows([1, (2,)])]", ["é", 5, { a: [1] }, [1, [2]]]],
  ["collections.OrderedDict(b=1, a=2)", { b: 1, a: 2 }],
  [
    "Item('x', parts=[Item('y')])",
    { name: "x", made: "2020-01-02", parts: [{ name: "y", made: "2020-01-02", parts: [] }] },
  ],
  ["Slotted(1)", { a: 1 }],
  ["[float('nan'), float('inf'), -float('inf'), 1e300, -0.0]", [null, null, null, 1e300, -0]],
  [
    "{1: 1, 1.5: 2, None: 3, False: 4, Color.RED: 5, datetime.date(2020, 1, 1): 6, uuid.UUID(int=1): 7}",
    { "1": 1, "1.5": 2, null: 3, false: 4, red: 5, "2020-01-01": 6, "00000000-0000-0000-0000-000000000001": 7 },
  ],
  [
    "{datetime.datetime(2020, 1, 1, tzinfo=utc): {Level.HIGH: 1}, Text('t'): 2}",
    { "2020-01-01T00:00:00+00:00": { "3": 1 }, t: 2 },
  ],
];
const AS_ORJSON_WITH_NUMPY: [string, unknown][] = [
  [
    "[numpy.float64(1.5), numpy.float32(0.1), numpy.int8(-3), numpy.uint64(2**64 - 1), numpy.bool_(True)]",
    [1.5, 0.1, -3, 2 ** 64, true],
  ],
  [
    "numpy.arange(6).reshape(1, 2, 3)",
    [
      [
        [0, 1, 2],
        [3, 4, 5],
      ],
    ],
  ],
  [
    "[numpy.array([0.1, 1e20, -3.4e38, 1e-45], 'f4'), numpy.array([0.1, 65504], 'f2')]",
    [
      [0.1, 1e20, -3.4e38, 1e-45],
      [0.099975586, 65504],
    ],
  ],
  ["[numpy.array([[]]), numpy.array([numpy.nan, 1, numpy.inf])]", [[[]], [null, 1, null]]],
  ["numpy.array([True, False])", [true, false]],
  [
    "[numpy.datetime64('2020-01-02T03:04:05.5'), numpy.datetime64('2020-01-02')]",
    ["2020-01-02T03:04:05.500000", "2020-01-02T00:00:00"],
  ],
  ["numpy.array(['2020-01-02T03:04:05'], 'M8[ns]')", ["2020-01-02T03:04:05"]],
];
/** What orjson leaves to its `default`. */
const BEYOND: [string, unknown][] = [
  ["decimal.Decimal('1.10')", "1.10"],
  ["Point(1, [Point(2, 3)])", [1, [[2, 3]]]],
  ["datetime.time(3, tzinfo=utc)", "03:00:00+00:00"],
  ["Real(1.5)", 1.5],
  ["Flag.A", 1],
  ["10 ** 30", 1e30],
  ["Money()", { cents: 5 }],
  ["[Model(), Old()]", [{ mode: "json", when: "2020-01-02" }, { when: "2020-01-02" }]],
  ["[{3, 1, 2}, 1 + 2j, b'\\xff']", [[1, 2, 3], [1, 2], "ff"]],
  ["{decimal.Decimal('1.0'): 1}", { "1.0": 1 }],
  ["'\\ud800'", "\ud800"],
];
const BEYOND_WITH_NUMPY: [string, unknown][] = [
  ["{numpy.int64(3): numpy.int64(4)}", { "3": 4 }],
  ["numpy.array([1 + 2j])", [[1, 2]]],
  ["numpy.longdouble(1.25)", 1.25],
  ["[numpy.array(5), numpy.str_('x'), numpy.array(['NaT'], 'M8[D]')]", [5, "x", [null]]],
  ["numpy.array([Item('x'), None], dtype=object)", [{ name: "x", made: "2020-01-02", parts: [] }, null]],
  ["numpy.array([(1, 2.5)], dtype=[('a', 'i4'), ('b', 'f8')])", [[1, 2.5]]],
];

test.each([...AS_ORJSON, ...BEYOND])("%s is written", async (code, expected) => {
  expect(await ours(code)).toEqual(expected);
});

test.runIf(numpy !== undefined)("what numpy gives is written", async () => {
  for (const [code, expected] of [...AS_ORJSON_WITH_NUMPY, ...BEYOND_WITH_NUMPY])
    expect(await ours(code), code).toEqual(expected);
});

// There is no orjson without a GIL.
(cpython.freeThreaded ? testIf(false) : test.runIf(smallPackages !== undefined))("as orjson writes it", async () => {
  for (const [code] of [...AS_ORJSON, ...(numpy === undefined ? [] : AS_ORJSON_WITH_NUMPY)])
    expect(await ours(code), code).toEqual(JSON.parse(await module.call<string>("theirs", code)));
});

test("what has no form is refused with what helps", async () => {
  const refused = (code: string) => ours(code).then(String, (error) => `${error.code} ${error.message}`);
  expect(await refused("Unknown()")).toMatch(/^ERR_EXT_BAD_RESULT .*TypeError: the extension does not know Unknown/);
  expect(await refused("[Fails()]")).toMatch(/ValueError: not today/);
  expect(await refused("{(1, 2): 3}")).toMatch(/TypeError: keys must be str.*tuple/);
  expect(await refused("{Unknown(): 3}")).toMatch(/TypeError/);
  expect(await refused("Itself()")).toMatch(/RecursionError: .*400/);
  expect(await refused("(lambda a: a.append(a) or a)([])")).toMatch(/RecursionError/);
  await using plain = await load("def f(v): return object()", { manifest: { python: { json: "extended" } } });
  await expect(plain.call("f")).rejects.toThrow(/Object of type object is not JSON serializable; .*__json__/);
});

test("a dict that changes while it is written is written as it was", async () => {
  expect(await ours("grow()")).toEqual({ first: 1, second: [2] });
});

test("the argument of a host function is written so too, from threads of the guest's own as well", async () => {
  const source = `
import datetime, extruntime, threading
def f(v):
    told = [extruntime.call("echo", datetime.date(2020, 1, 2))]
    thread = threading.Thread(target=lambda: told.append(extruntime.call("echo", {1: datetime.date(2020, 1, 3)})))
    thread.start()
    thread.join()
    return told
`;
  await using guest = await load(source, {
    manifest: { permissions: ["echo"], python: { json: "extended" } },
    hostFunctions: { echo: (value: unknown) => value },
  });
  expect(await guest.call("f")).toEqual(["2020-01-02", { "1": "2020-01-03" }]);
});

test("without the setting the extension's __json__ is asked for what json.dumps refuses, and nothing else changes", async () => {
  const source = `
import datetime, enum
Level = enum.IntEnum("Level", {"HIGH": 3})
def __json__(value):
    if isinstance(value, datetime.date): return {"date": str(value)}
    raise TypeError(f"not {type(value).__name__}")
def f(v): return eval(v)
`;
  await using guest = await load(source);
  expect(await guest.call("f", "[datetime.date(2020, 1, 2), Level.HIGH, {1: 2}]")).toEqual([
    { date: "2020-01-02" },
    3,
    { "1": 2 },
  ]);
  await expect(guest.call("f", "object()")).rejects.toThrow(/TypeError: not object/);
  await expect(guest.call("f", "float('nan')")).rejects.toMatchObject({ code: "ERR_EXT_BAD_RESULT" });
  await using without = await load("import datetime\ndef f(v): return datetime.date(2020, 1, 2)");
  await expect(without.call("f")).rejects.toThrow(/Object of type date is not JSON serializable/);
});

test("an unknown word is refused at the load", async () => {
  const manifest = { python: { json: "orjson" as "extended" } };
  await expect(load("def f(v): pass", { manifest })).rejects.toMatchObject({ code: "ERR_EXT_BAD_MANIFEST" });
});
