import re

PATTERN = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")


def validate(record):
    email = record.get("email", "")
    if not PATTERN.match(email):
        return {"valid": False, "errors": ["email"]}
    return {"valid": True, "email": email.lower()}
