import re


def integers(value):
    total = 0
    for i in range(value["n"]):
        total = (total * 31 + i) % 65521
    return total


def sort(value):
    n, numbers, seed = value["n"], [], 1
    for _ in range(n):
        seed = (seed * 69069 + 1) % 1000003
        numbers.append(seed)
    numbers.sort()
    return numbers[0] + numbers[n >> 1] + numbers[n - 1]


def text(value):
    all_text = ""
    for i in range(value["n"]):
        all_text += f"{i},"
    return len(all_text)


def pattern(value):
    lines = ""
    for i in range(value["n"]):
        lines += f"user {i} writes from u.{i}@host-{i % 7}.example to nobody@nowhere\n"
    return sum(1 for _ in re.finditer(r"[a-z0-9._]+@[a-z0-9-]+\.[a-z]+", lines))
