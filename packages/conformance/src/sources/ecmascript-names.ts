/**
 * The names that JavaScript has: the properties of each of its objects, by the object's path as `WALK` gives it. Of ECMAScript 2026 and its internationalization API, of
 * proposals that engines ship or are about to, and of what interpreters in wide use add to errors and functions (V8's `captureStackTrace`, QuickJS's `fileName`; `Math["'"]` is what isolated-vm calls
 * `Math.E` on Node 20). The properties that every
 * function has are in {@link OF_EVERY_FUNCTION}.
 */
export const ECMASCRIPT: Readonly<Record<string, string>> = {
  globalThis:
    "@@toStringTag AggregateError Array ArrayBuffer AsyncDisposableStack AsyncIterator Atomics BigInt BigInt64Array BigUint64Array Boolean DataView Date DisposableStack Error EvalError FinalizationRegistry Float16Array Float32Array Float64Array Function Infinity Int16Array Int32Array Int8Array InternalError Intl Iterator JSON Map Math NaN Number Object Promise Proxy RangeError ReferenceError Reflect RegExp Set ShadowRealm SharedArrayBuffer String SuppressedError Symbol SyntaxError Temporal TypeError URIError Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet WebAssembly console decodeURI decodeURIComponent encodeURI encodeURIComponent escape eval globalThis isFinite isNaN parseFloat parseInt undefined unescape",
  "AggregateError.prototype": "message",
  Array: "@@species from fromAsync isArray of",
  "Array.prototype":
    "@@iterator @@unscopables at concat copyWithin entries every fill filter find findIndex findLast findLastIndex flat flatMap forEach includes indexOf join keys lastIndexOf map pop push reduce reduceRight reverse shift slice some sort splice toLocaleString toReversed toSorted toSpliced toString unshift values with",
  "Array.prototype.@@unscopables":
    "at copyWithin entries fill find findIndex findLast findLastIndex flat flatMap includes keys toReversed toSorted toSpliced values",
  ArrayBuffer: "@@species isView",
  "ArrayBuffer.prototype":
    "@@toStringTag byteLength detached immutable maxByteLength resizable resize slice sliceToImmutable transfer transferToFixedLength transferToImmutable",
  "ArrayIterator.prototype": "@@toStringTag next",
  "AsyncDisposableStack.prototype": "@@asyncDispose @@toStringTag adopt defer disposeAsync disposed move use",
  "AsyncFunction.prototype": "@@toStringTag",
  "AsyncGeneratorFunction.prototype": "@@toStringTag",
  "AsyncGeneratorFunction.prototype.prototype": "@@toStringTag next return throw",
  "AsyncIterator.prototype":
    "@@asyncDispose @@asyncIterator @@toStringTag drop every filter find flatMap forEach map reduce some take toArray",
  Atomics:
    "@@toStringTag add and compareExchange exchange isLockFree load notify or pause store sub wait waitAsync xor",
  BigInt: "asIntN asUintN",
  "BigInt.prototype": "@@toStringTag toLocaleString toString valueOf",
  BigInt64Array: "BYTES_PER_ELEMENT",
  "BigInt64Array.prototype": "BYTES_PER_ELEMENT",
  BigUint64Array: "BYTES_PER_ELEMENT",
  "BigUint64Array.prototype": "BYTES_PER_ELEMENT",
  "Boolean.prototype": "toString valueOf",
  "DataView.prototype":
    "@@toStringTag buffer byteLength byteOffset getBigInt64 getBigUint64 getFloat16 getFloat32 getFloat64 getInt16 getInt32 getInt8 getUint16 getUint32 getUint8 setBigInt64 setBigUint64 setFloat16 setFloat32 setFloat64 setInt16 setInt32 setInt8 setUint16 setUint32 setUint8",
  Date: "UTC now parse",
  "Date.prototype":
    "@@toPrimitive getDate getDay getFullYear getHours getMilliseconds getMinutes getMonth getSeconds getTime getTimezoneOffset getUTCDate getUTCDay getUTCFullYear getUTCHours getUTCMilliseconds getUTCMinutes getUTCMonth getUTCSeconds getYear setDate setFullYear setHours setMilliseconds setMinutes setMonth setSeconds setTime setUTCDate setUTCFullYear setUTCHours setUTCMilliseconds setUTCMinutes setUTCMonth setUTCSeconds setYear toDateString toGMTString toISOString toJSON toLocaleDateString toLocaleString toLocaleTimeString toString toTemporalInstant toTimeString toUTCString valueOf",
  "DisposableStack.prototype": "@@dispose @@toStringTag adopt defer dispose disposed move use",
  Error: "captureStackTrace isError prepareStackTrace stackTraceLimit",
  "Error.prototype": "message stack toString",
  "EvalError.prototype": "message",
  "FinalizationRegistry.prototype": "@@toStringTag register unregister",
  Float16Array: "BYTES_PER_ELEMENT",
  "Float16Array.prototype": "BYTES_PER_ELEMENT",
  Float32Array: "BYTES_PER_ELEMENT",
  "Float32Array.prototype": "BYTES_PER_ELEMENT",
  Float64Array: "BYTES_PER_ELEMENT",
  "Float64Array.prototype": "BYTES_PER_ELEMENT",
  "Function.prototype": "@@hasInstance @@metadata apply bind call columnNumber fileName lineNumber toString",
  "GeneratorFunction.prototype": "@@toStringTag",
  "GeneratorFunction.prototype.prototype": "@@toStringTag next return throw",
  Int16Array: "BYTES_PER_ELEMENT",
  "Int16Array.prototype": "BYTES_PER_ELEMENT",
  Int32Array: "BYTES_PER_ELEMENT",
  "Int32Array.prototype": "BYTES_PER_ELEMENT",
  Int8Array: "BYTES_PER_ELEMENT",
  "Int8Array.prototype": "BYTES_PER_ELEMENT",
  "InternalError.prototype": "message",
  Intl: "@@toStringTag Collator DateTimeFormat DisplayNames DurationFormat ListFormat Locale NumberFormat PluralRules RelativeTimeFormat Segmenter getCanonicalLocales supportedValuesOf v8BreakIterator",
  "Intl.Collator": "supportedLocalesOf",
  "Intl.Collator.prototype": "@@toStringTag compare resolvedOptions",
  "Intl.DateTimeFormat": "supportedLocalesOf",
  "Intl.DateTimeFormat.prototype": "@@toStringTag format formatRange formatRangeToParts formatToParts resolvedOptions",
  "Intl.DisplayNames": "supportedLocalesOf",
  "Intl.DisplayNames.prototype": "@@toStringTag of resolvedOptions",
  "Intl.ListFormat": "supportedLocalesOf",
  "Intl.ListFormat.prototype": "@@toStringTag format formatToParts resolvedOptions",
  "Intl.Locale.prototype":
    "@@toStringTag baseName calendar calendars caseFirst collation collations hourCycle hourCycles language maximize minimize numberingSystem numberingSystems numeric region script textInfo timeZones toString weekInfo",
  "Intl.NumberFormat": "supportedLocalesOf",
  "Intl.NumberFormat.prototype": "@@toStringTag format formatRange formatRangeToParts formatToParts resolvedOptions",
  "Intl.PluralRules": "supportedLocalesOf",
  "Intl.PluralRules.prototype": "@@toStringTag resolvedOptions select selectRange",
  "Intl.RelativeTimeFormat": "supportedLocalesOf",
  "Intl.RelativeTimeFormat.prototype": "@@toStringTag format formatToParts resolvedOptions",
  "Intl.Segmenter": "supportedLocalesOf",
  "Intl.Segmenter.prototype": "@@toStringTag resolvedOptions segment",
  Iterator: "concat from range zip zipKeyed",
  "Iterator.prototype":
    "@@dispose @@iterator @@toStringTag chunks drop every filter find flatMap forEach includes join map reduce some take toArray toAsync windows",
  JSON: "@@toStringTag isRawJSON parse parseImmutable rawJSON stringify",
  Map: "@@species groupBy",
  "Map.prototype":
    "@@iterator @@toStringTag clear delete entries forEach get getOrInsert getOrInsertComputed has keys set size values",
  "MapIterator.prototype": "@@toStringTag next",
  Math: "@@toStringTag ' E LN10 LN2 LOG10E LOG2E PI SQRT1_2 SQRT2 abs acos acosh asin asinh atan atan2 atanh cbrt ceil clamp clz32 cos cosh exp expm1 f16round floor fround hypot imul log log10 log1p log2 max min pow random round sign sin sinh sqrt sumPrecise tan tanh trunc",
  Number:
    "EPSILON MAX_SAFE_INTEGER MAX_VALUE MIN_SAFE_INTEGER MIN_VALUE NEGATIVE_INFINITY NaN POSITIVE_INFINITY isFinite isInteger isNaN isSafeInteger parseFloat parseInt",
  "Number.prototype": "toExponential toFixed toLocaleString toPrecision toString valueOf",
  Object:
    "assign create defineProperties defineProperty entries freeze fromEntries getOwnPropertyDescriptor getOwnPropertyDescriptors getOwnPropertyNames getOwnPropertySymbols getPrototypeOf groupBy hasOwn is isExtensible isFrozen isSealed keys preventExtensions seal setPrototypeOf values",
  "Object.prototype":
    "__defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__ __proto__ hasOwnProperty isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf",
  Promise: "@@species all allKeyed allSettled allSettledKeyed any race reject resolve try withResolvers",
  "Promise.prototype": "@@toStringTag catch finally then",
  Proxy: "revocable",
  "RangeError.prototype": "message",
  "ReferenceError.prototype": "message",
  Reflect:
    "@@toStringTag apply construct defineProperty deleteProperty get getOwnPropertyDescriptor getPrototypeOf has isExtensible ownKeys preventExtensions set setPrototypeOf",
  RegExp:
    "$& $' $+ $1 $2 $3 $4 $5 $6 $7 $8 $9 $_ $` @@species escape input lastMatch lastParen leftContext rightContext",
  "RegExp.prototype":
    "@@match @@matchAll @@replace @@search @@split compile dotAll exec flags global hasIndices ignoreCase multiline source sticky test toString unicode unicodeSets",
  "RegExpStringIterator.prototype": "@@toStringTag next",
  Set: "@@species groupBy",
  "Set.prototype":
    "@@iterator @@toStringTag add clear delete difference entries forEach has intersection isDisjointFrom isSubsetOf isSupersetOf keys size symmetricDifference union values",
  "SetIterator.prototype": "@@toStringTag next",
  SharedArrayBuffer: "@@species",
  "SharedArrayBuffer.prototype": "@@toStringTag byteLength grow growable maxByteLength slice",
  String: "cooked dedent fromCharCode fromCodePoint raw",
  "String.prototype":
    "@@iterator anchor at big blink bold charAt charCodeAt codePointAt concat endsWith fixed fontcolor fontsize includes indexOf isWellFormed italics lastIndexOf link localeCompare match matchAll normalize padEnd padStart repeat replace replaceAll search slice small split startsWith strike sub substr substring sup toLocaleLowerCase toLocaleUpperCase toLowerCase toString toUpperCase toWellFormed trim trimEnd trimLeft trimRight trimStart valueOf",
  "StringIterator.prototype": "@@toStringTag next",
  Symbol:
    "asyncDispose asyncIterator dispose for hasInstance isConcatSpreadable iterator keyFor match matchAll metadata replace search species split toPrimitive toStringTag unscopables",
  "Symbol.prototype": "@@toPrimitive @@toStringTag description toString valueOf",
  "SyntaxError.prototype": "message",
  "TypeError.prototype": "message",
  TypedArray: "@@species from of",
  "TypedArray.prototype":
    "@@iterator @@toStringTag at buffer byteLength byteOffset copyWithin entries every fill filter find findIndex findLast findLastIndex forEach includes indexOf join keys lastIndexOf map reduce reduceRight reverse set slice some sort subarray toLocaleString toReversed toSorted toString values with",
  "URIError.prototype": "message",
  Uint16Array: "BYTES_PER_ELEMENT",
  "Uint16Array.prototype": "BYTES_PER_ELEMENT",
  Uint32Array: "BYTES_PER_ELEMENT",
  "Uint32Array.prototype": "BYTES_PER_ELEMENT",
  Uint8Array: "BYTES_PER_ELEMENT fromBase64 fromHex",
  "Uint8Array.prototype": "BYTES_PER_ELEMENT setFromBase64 setFromHex toBase64 toHex",
  Uint8ClampedArray: "BYTES_PER_ELEMENT",
  "Uint8ClampedArray.prototype": "BYTES_PER_ELEMENT",
  "WeakMap.prototype": "@@toStringTag delete get getOrInsert getOrInsertComputed has set",
  "WeakRef.prototype": "@@toStringTag deref",
  "WeakSet.prototype": "@@toStringTag add delete has",
};

/** What the platform of a sandbox may add, if nothing of the host is behind it. */
export const PLATFORM: Readonly<Record<string, string>> = {
  console:
    "@@toStringTag assert clear context count countReset createTask debug dir dirxml error group groupCollapsed groupEnd info log profile profileEnd table time timeEnd timeLog timeStamp timeline timelineEnd trace warn",
  host: "call",
  "import.meta": "url",
  WebAssembly:
    "@@toStringTag CompileError Exception Global Instance JSTag LinkError Memory Module RuntimeError SuspendError Suspending Table Tag compile compileStreaming instantiate instantiateStreaming promising validate",
  "WebAssembly.Module": "customSections exports imports",
  "WebAssembly.Instance.prototype": "@@toStringTag exports",
  "WebAssembly.Global.prototype": "@@toStringTag type value valueOf",
  "WebAssembly.Memory.prototype": "@@toStringTag buffer grow toFixedLengthBuffer toResizableBuffer type",
  "WebAssembly.Table.prototype": "@@toStringTag get grow length set type",
  "WebAssembly.Exception.prototype": "@@toStringTag getArg is",
};

export const OF_EVERY_FUNCTION = "length name prototype constructor caller arguments";

/** Globals that are not in every engine of the language. `gc` is V8's own in processes that are started with `--expose-gc`, as the kit's are. */
export const OTHER_GLOBALS = "WebAssembly console host InternalError gc";
