"""Runs a command in a terminal of its own and answers its questions: terminal.py '[["question", "keys"], …]' program argument…

Prints what was shown as JSON, and ends with the command's exit code.
"""

import fcntl
import json
import os
import pty
import signal
import struct
import sys
import termios

# One that waits for what never comes ends.
signal.alarm(200)
answers = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.execvp(sys.argv[2], sys.argv[2:])
shown = ""
while True:
    try:
        part = os.read(terminal, 65536)
    except OSError:
        break
    if not part:
        break
    shown += part.decode("utf8", "replace")
    # A question is shown whole before its keys are read.
    while answers and answers[0][0] in shown:
        os.write(terminal, answers.pop(0)[1].encode())
print(json.dumps(shown))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
