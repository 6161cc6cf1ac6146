"""Answers for json.test.ts what CPython's own json makes of its cases."""
import importlib
import json
import sys


def refuse(name):
    raise ValueError(f"{name} is not JSON")


def loads(text):
    try:
        return repr(json.loads(text, parse_constant=refuse))
    except Exception as error:
        return f"ERR_EXT_BAD_PAYLOAD {type(error).__name__}: {error}"


def dumps(expression, text, message):
    """What is wrong with the text, or the refusal, that the addon gave for a value."""
    try:
        expected = json.dumps(eval(expression), allow_nan=False)
    except RecursionError:
        return None if message and "RecursionError" in message else f"{expression}: not refused"
    except Exception as error:
        wanted = f"{type(error).__name__}: {error}"
        return None if message == wanted else f"{expression}: {message!r} instead of {wanted!r}"
    if text is None:
        return f"{expression}: refused: {message}"
    pairs = lambda text: repr(json.loads(text, object_pairs_hook=list))
    return None if pairs(text) == pairs(expected) else f"{expression}: {text[:100]} instead of {expected[:100]}"


def own_cases():
    """The documents of CPython's own tests, where they are installed."""
    try:
        fail = importlib.import_module("test.test_json.test_fail")
        passing = [importlib.import_module(f"test.test_json.test_pass{n}").JSON for n in (1, 2, 3)]
    except ImportError:
        return []
    return [*fail.JSONDOCS, *passing]


asked = json.load(sys.stdin)
if asked["question"] == "loads":
    answer = [loads(text) for text in asked["cases"]]
elif asked["question"] == "dumps":
    answer = [problem for case in asked["cases"] if (problem := dumps(*case))]
else:
    answer = own_cases()
json.dump(answer, sys.stdout)
