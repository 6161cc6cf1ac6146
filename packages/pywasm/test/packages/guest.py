"""Uses a package once."""


def use(code):
    statements, expression = code
    scope = {"__name__": "guest"}
    exec(statements, scope)
    return bool(eval(expression, scope))
